"""The command line ``liteppo COMMAND``: the layer above ``sweeps`` and ``analysis``."""
