from .conformance import (
    CheckOptions as CheckOptions,
    check_reward as check_reward,
    list_reward_functions as list_reward_functions,
)
from .judges import (
    Function as Function,
    RewardError as RewardError,
    find_judge as find_judge,
    is_correct as is_correct,
    judge_integer as judge_integer,
)
from .locate import Located as Located, resolve_reward as resolve_reward
