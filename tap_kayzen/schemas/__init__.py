"""One JSON Schema a stream, named after the stream."""
