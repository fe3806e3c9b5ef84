from __future__ import annotations

import json
import sys
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from singer_sdk.singerlib import RecordMessage, StateMessage
from support import SAMPLE_CONFIG
from watchdog import finished

from tap_kayzen.output.writer import MAX_BYTES, BufferedWriter
from tap_kayzen.reading.pages import Page
from tap_kayzen.tap import TapKayzen

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(-(2**63), 2**63 - 1)},
        optional={
            "name": VALUES,
            "tags": VALUES,
            "target_bid": VALUES,
            "unknown": VALUES,
        },
    ),
    max_size=4,
    unique_by=lambda record: str(record["id"]),
)


def written(
    records: list[dict[str, Any]],
    capfdbinary: pytest.CaptureFixture[bytes],
    *,
    plain: bool,
) -> bytes:
    with time_machine.travel(1_800_000_000, tick=False):
        config = {**SAMPLE_CONFIG, "emit_activate_version_messages": True}
        streams = TapKayzen(config=config).streams
        stream = streams["campaigns"]
        for each in streams.values():
            # Nothing is fetched for streams that are not selected.
            each.selected = each is stream
        assert stream.is_plain
        page = Page(deepcopy(records), 1, len(records))
        stream.__dict__.update(fetch_page=lambda *_: page, is_plain=plain)
        stream.sync()
    return capfdbinary.readouterr().out


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(RECORDS)
def test_the_short_way_writes_what_the_sdks_way_does(
    capfdbinary: pytest.CaptureFixture[bytes], records: list[dict[str, Any]]
) -> None:
    capfdbinary.readouterr()
    short = written(records, capfdbinary, plain=True)
    assert short == written(records, capfdbinary, plain=False)
    assert short.count(b'"type":"RECORD"') == len(records)


@pytest.mark.parametrize(
    "changes",
    [
        {"stream_maps": {"campaigns": {"name": "name.upper()"}}},
        {"stream_maps": {"campaigns": {"__alias__": "ads"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
)
def test_maps_and_flattening_go_the_sdks_way(changes: dict[str, Any]) -> None:
    stream = TapKayzen(config={**SAMPLE_CONFIG, **changes}).streams["campaigns"]
    assert not stream.is_plain


def record(**fields: object) -> RecordMessage:
    return RecordMessage("campaigns", dict(fields))


def test_numbers_and_text_are_written_unchanged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    writer = BufferedWriter()
    writer.write_message(record(a=Decimal("0.10"), b=Decimal("1E+400"), c="ü🔑"))
    writer.write_message(record(lone="\ud800", big=2**80))
    writer.flush()
    first, second = capfd.readouterr().out.splitlines()
    assert '"a":0.10,"b":1E+400,"c":"ü🔑"' in first
    assert json.loads(second)["record"] == {"lone": "\ud800", "big": 2**80}


def test_records_are_buffered_and_state_is_written_at_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    writer = BufferedWriter()
    writer.write_message(record(id=1))
    assert capfd.readouterr().out == ""
    writer.write_message(StateMessage({"bookmarks": {}}))
    assert [
        json.loads(line)["type"] for line in capfd.readouterr().out.splitlines()
    ] == [
        "RECORD",
        "STATE",
    ]


def test_a_partial_record_is_never_written(capfd: pytest.CaptureFixture[str]) -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    writer = BufferedWriter()
    with pytest.raises(RecursionError):
        writer.write_message(record(id=1, deep=deep))
    writer.write_message(record(id=2))
    writer.flush()
    assert json.loads(capfd.readouterr().out)["record"] == {"id": 2}


def test_a_full_buffer_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    writer = BufferedWriter()
    writer.write_message(record(id=1, name="x" * MAX_BYTES))
    assert len(capfd.readouterr().out) > MAX_BYTES


def test_a_record_waits_a_second_at_most(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("tap_kayzen.output.writer.time.monotonic", lambda: now[0])
    writer = BufferedWriter()
    writer.write_message(record(id=1))
    now[0] += 0.9
    writer.write_message(record(id=2))
    assert capfd.readouterr().out == ""
    now[0] += 0.1
    writer.write_message(record(id=3))
    assert len(capfd.readouterr().out.splitlines()) == 3


def test_the_end_of_the_process_writes_whole_lines() -> None:
    code = """
from singer_sdk.singerlib import RecordMessage
from tap_kayzen.output.writer import BufferedWriter
writer = BufferedWriter()
writer.write_message(RecordMessage("campaigns", {"id": 1}))
writer._buffer += b'{"type": "REC'
"""
    done = finished([sys.executable, "-c", code], check=True)
    assert json.loads(done.stdout)["record"] == {"id": 1}
    assert done.stdout.endswith("\n")
