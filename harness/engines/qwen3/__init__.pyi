from .forward import is_supported as is_supported, score_samples_compact as score_samples_compact
from .sampler import CompactSampler as CompactSampler
