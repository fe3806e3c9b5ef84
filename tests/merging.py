"""Merges states as Meltano does."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

State = dict[str, Any]


def merged(old: State, new: State) -> State:
    """Return a new state merged over an old one, as Meltano does.

    It does so with `--state-strategy merge`, for instance. Objects are merged key by
    key, lists are replaced. An object over null raises TypeError, as in
    `meltano.core.utils.merge`.
    """
    result = deepcopy(old)
    _merge(deepcopy(new), result)
    return result


def _merge(source: State, into: State) -> None:
    for key, value in source.items():
        if isinstance(value, dict):
            _merge(value, into.setdefault(key, {}))
        else:
            into[key] = value
