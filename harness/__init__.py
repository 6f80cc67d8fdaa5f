"""One run: configuration, data, engines, training, records and tracking."""
