"""Settings: definitions, sources of values, and validation."""
