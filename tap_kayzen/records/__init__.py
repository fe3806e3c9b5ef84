"""Converts rows of the API to records in the types of the schema."""
