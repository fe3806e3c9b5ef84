"""Reads pages in order, read ahead, until a list or window is complete."""
