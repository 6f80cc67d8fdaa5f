from .command import trace_number as trace_number
from .number import TraceError as TraceError
