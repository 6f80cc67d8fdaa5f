from .learner import DeepspeedLearner as DeepspeedLearner, RankGroup as RankGroup
from .rank import DeepspeedRank as DeepspeedRank
from .settings import refuse_deepspeed as refuse_deepspeed
