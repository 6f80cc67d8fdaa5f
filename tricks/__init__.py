"""Tricks of RL for LLM reasoning as plugins: tensors in, tensors out; torch and nothing else."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
