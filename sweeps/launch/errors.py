"""The error that stops a sweep.

It is separate from the events, which import plans and so torch.
"""


class SweepError(RuntimeError):
    """A sweep cannot start or continue; one line says why and gives the way out."""
