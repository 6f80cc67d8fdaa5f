"""Run released frameworks on our batches and record their numbers (tests/tricks/dialects/recorded)."""
