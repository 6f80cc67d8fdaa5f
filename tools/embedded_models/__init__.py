"""Training of the embedded models, and their card."""
