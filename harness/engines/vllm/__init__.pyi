from .engine import VllmEngine as VllmEngine
from .pool import await_call as await_call
from .sampler import VllmSampler as VllmSampler
from .validate import refuse_missing_vllm as refuse_missing_vllm, refuse_unfit_model as refuse_unfit_model
