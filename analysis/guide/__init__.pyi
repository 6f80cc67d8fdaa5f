from .output import answer_guide as answer_guide
from .scenario import ScenarioError as ScenarioError
