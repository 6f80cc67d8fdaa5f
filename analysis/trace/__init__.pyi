from .command import trace_number as trace_number, trace_settings as trace_settings
from .number import TraceError as TraceError
