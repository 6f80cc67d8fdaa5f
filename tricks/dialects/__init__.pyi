from .build import (
    DIALECTS as DIALECTS,
    NO_DIALECT as NO_DIALECT,
    build_rule as build_rule,
    find_dialect as find_dialect,
)
