"""Configurations of training frameworks as people have them, read into flat options and written from them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
