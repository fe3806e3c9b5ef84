"""The settings: what may be set, where values come from, and what is wrong."""
