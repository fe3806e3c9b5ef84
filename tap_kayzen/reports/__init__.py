"""Definitions, columns, and row checks of reports."""
