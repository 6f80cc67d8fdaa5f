from .claim import (
    ROLES as ROLES,
    Claim as Claim,
    ClaimPart as ClaimPart,
    Expect as Expect,
    Labels as Labels,
    Quoted as Quoted,
    compare_labels as compare_labels,
    format_setting as format_setting,
    interaction_terms as interaction_terms,
    level_terms as level_terms,
    trend_terms as trend_terms,
)
from .cost import STUDIES as STUDIES, compute_costs as compute_costs
from .evidence import CONNECTIVES as CONNECTIVES, read_values as read_values
from .judge import (
    ClaimWord as ClaimWord,
    Finding as Finding,
    PartFinding as PartFinding,
    judge_claim as judge_claim,
    judge_claims as judge_claims,
)
from .tables import (
    build_claims_table as build_claims_table,
    build_cost_table as build_cost_table,
    format_detectable as format_detectable,
    format_finding as format_finding,
    format_p as format_p,
    format_ratio as format_ratio,
    join_addresses as join_addresses,
    render_takeaway_files as render_takeaway_files,
)
