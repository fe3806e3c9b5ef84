"""Uses of SDK internals: all are documented and tested."""

from __future__ import annotations

import inspect
import re
from hashlib import sha256
from typing import Any

import pytest
import singer_sdk
from singer_sdk.authenticators import OAuthAuthenticator
from support import ROOT, SAMPLE_CONFIG

from tap_kayzen.api.auth import KayzenAuthenticator
from tap_kayzen.cli.command import KayzenCommand
from tap_kayzen.output.writer import BufferedWriter
from tap_kayzen.streams.base import KayzenStream
from tap_kayzen.streams.messages import RecordStream
from tap_kayzen.tap import TapKayzen

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TAP = TapKayzen(config={**SAMPLE_CONFIG, "audience_api_key": "key"})
OURS: list[type[Any]] = [
    TapKayzen,
    RecordStream,
    KayzenStream,
    *{type(stream) for stream in TAP.streams.values()},
    KayzenAuthenticator,
    BufferedWriter,
    KayzenCommand,
]

OVERRIDDEN = {
    "Tap._env_var_config": "4e00272a",
    "Tap._handle_termination": "2bb79ae4",
    "Tap._validate_config": "0584b9e3",
    "Stream._increment_stream_state": "cabc0edb",
    "Stream._write_record_message": "292b7bed",
    "Stream._write_starting_replication_value": "0a24e5d0",
}
"""Private methods of the SDK that the tap overrides, and a hash of their source."""

READ = {"_config", "_stream_version"}
"""Private attributes of the SDK that the tap reads or sets."""


def is_sdk(cls: type[Any]) -> bool:
    return cls.__module__.startswith("singer_sdk")


def private_overrides() -> set[str]:
    """Find the private names that a class of ours and one of the SDK's both define."""
    found = set()
    for cls in OURS:
        for base in filter(is_sdk, cls.__mro__):
            names = {
                name
                for ours in cls.__mro__
                if not is_sdk(ours)
                for name in vars(ours)
                if re.fullmatch(r"_[a-z]\w*", name) and name in vars(base)
            }
            found |= {name for name in names if name != "_abc_impl"}
    return found


def test_all_private_overrides_are_known() -> None:
    assert private_overrides() == {name.partition(".")[2] for name in OVERRIDDEN}


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_a_private_override_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize(("name", "digest"), OVERRIDDEN.items())
def test_overridden_code_has_not_changed(name: str, digest: str) -> None:
    """If this fails, read the SDK's new code, then docs/architecture.md."""
    owner, _, method = name.partition(".")
    cls = getattr(singer_sdk, owner)
    (defined,) = [vars(base)[method] for base in cls.__mro__ if method in vars(base)][
        :1
    ]
    function = getattr(defined, "fget", None) or getattr(defined, "method", defined)
    source = inspect.getsource(function)
    assert sha256(source.encode()).hexdigest()[:8] == digest


def test_private_attributes_of_the_sdk_are_few_and_documented() -> None:
    sdk = "".join(
        inspect.getsource(inspect.getmodule(cls) or cls)
        for cls in (singer_sdk.Stream, singer_sdk.Tap, OAuthAuthenticator)
    )
    theirs = set(re.findall(r"self\.(_[a-z]\w*)\b", sdk))
    used: set[str] = set()
    for path in (ROOT / "tap_kayzen").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = set(re.findall(r"(?:self|stream|tap)\.(_[a-z]\w*)\b", text))
        own = set(re.findall(r"self\.(_[a-z]\w*)(?:: [^=\n]+)? = ", text))
        own |= set(re.findall(r"def (_[a-z]\w*)\(", text))
        used |= (names - own) & theirs
        used |= names & {"_config"} if path.name == "tap.py" else set()
    assert used == READ
    for name in READ:
        assert f"`{name}`" in PAGE
