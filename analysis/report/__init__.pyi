from .lineage import (
    commit as commit,
    describe_environments as describe_environments,
    own_settings as own_settings,
    read_rule_settings as read_rule_settings,
)
from .page import ReportOptions as ReportOptions, render_page as render_page
