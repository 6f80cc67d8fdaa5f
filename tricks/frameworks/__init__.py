"""The configurations of other frameworks: what they compute, and how a rule is written for them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
