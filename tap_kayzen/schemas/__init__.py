"""One JSON Schema per stream, named after the stream."""
