from .catalogue import Catalogue as Catalogue, load_options as load_options
from .changes import compare_releases as compare_releases, trace_preset as trace_preset
from .diff import compare_recipes as compare_recipes, difference_lines as difference_lines
from .effective import DEFAULT as DEFAULT
from .elsewhere import note_other_framework as note_other_framework
from .explanation import Explanation as Explanation, explain_options as explain_options, setup_of as setup_of
from .listing import (
    export_text as export_text,
    framework_lines as framework_lines,
    known_release as known_release,
)
from .registry import FRAMEWORKS as FRAMEWORKS, find_framework as find_framework
from .report import (
    LOOP_IN_OPTIM as LOOP_IN_OPTIM,
    loop_overrides as loop_overrides,
    overrides_of as overrides_of,
    report_lines as report_lines,
    to_dict as to_dict,
    to_json as to_json,
)
from .sources import (
    LoadedRecipe as LoadedRecipe,
    load_recipe as load_recipe,
    read_configuration as read_configuration,
    read_file as read_file,
)
from .spelling import LOOP as LOOP, Fault as Fault, Framework as Framework, Loop as Loop
from .writing import Export as Export, Line as Line, export_rule as export_rule
