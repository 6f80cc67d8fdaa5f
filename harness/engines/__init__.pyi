from .build import (
    build_engines as build_engines,
    build_sampler_alone as build_sampler_alone,
    build_torch_engines as build_torch_engines,
)
from .weight_parity import ParityProbe as ParityProbe
