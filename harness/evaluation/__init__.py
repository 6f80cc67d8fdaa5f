"""Evaluation on held-out problems and benchmarks, and the difficulty of problems."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
