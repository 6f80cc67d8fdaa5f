from .apply import (
    ApplyOptions as ApplyOptions,
    apply_as_json as apply_as_json,
    infer_setup as infer_setup,
    read_options as read_options,
)
from .apply_lines import apply_each_line as apply_each_line, holds_lines as holds_lines
from .document import Document as Document, read_document as read_document, write_document as write_document
from .listing import (
    list_catalog as list_catalog,
    report_violations as report_violations,
    resolve_trick as resolve_trick,
)
