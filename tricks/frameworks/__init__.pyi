from .catalogue import Catalogue as Catalogue, load_options as load_options
from .explanation import Explanation as Explanation, explain_options as explain_options, setup_of as setup_of
from .registry import FRAMEWORKS as FRAMEWORKS, find_framework as find_framework
from .spelling import LOOP as LOOP, Fault as Fault, Framework as Framework, Loop as Loop
from .writing import Export as Export, Line as Line, export_rule as export_rule
