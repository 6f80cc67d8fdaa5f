"""The error for a model that cannot be used."""


class ModelError(ValueError):
    """A model cannot be used; one line names the model, the reason and the way out."""
