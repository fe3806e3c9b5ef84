"""Reports: what can be asked for, how it is cut into windows, paged and keyed."""
