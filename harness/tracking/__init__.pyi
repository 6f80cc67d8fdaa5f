from .errors import REPAIR_COMMAND as REPAIR_COMMAND, StoreError as StoreError, explain_errors as explain_errors
from .journal import (
    OUTBOX_FOLDER as OUTBOX_FOLDER,
    is_on_other_host as is_on_other_host,
    is_other_process as is_other_process,
    name_process as name_process,
)
from .publish import publish_missing as publish_missing
from .queries import Curve as Curve
from .store import Store as Store
from .tags import flat as flat
from .ui import serve as serve
from .uploader import (
    CURVES_FILE as CURVES_FILE,
    PATIENCE as PATIENCE,
    RECORD_FILE as RECORD_FILE,
    TRACE_FILE as TRACE_FILE,
    Uploader as Uploader,
    UploadState as UploadState,
)
