"""Reads lists and report windows completely, with pages fetched ahead."""
