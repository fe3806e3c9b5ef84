"""Converts rows of the API to records that match the schema."""
