"""The command line: ``liteppo COMMAND``, the one layer above ``sweeps`` and ``analysis``."""
