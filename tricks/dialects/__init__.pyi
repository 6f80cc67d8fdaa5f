from .build import (
    NO_DIALECT as NO_DIALECT,
    RefusedRuleError as RefusedRuleError,
    build_rule as build_rule,
    choose_tricks as choose_tricks,
    find_dialect as find_dialect,
    translate as translate,
)
from .dialect import Dialect as Dialect
from .registry import ALL_RELEASES as ALL_RELEASES, DIALECTS as DIALECTS
