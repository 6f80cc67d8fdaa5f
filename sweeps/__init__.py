"""Sweeps: plan a grid, run its cells on Ray, record and summarize them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
