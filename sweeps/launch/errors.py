"""What stops a sweep. Apart from the events, which know plans and so bring torch."""


class SweepError(RuntimeError):
    """A sweep that cannot start or go on: why, and the way out, in one line."""
