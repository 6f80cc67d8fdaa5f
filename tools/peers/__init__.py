"""Scripts that run released frameworks on batches of ours and record their numbers."""
