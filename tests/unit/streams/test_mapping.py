from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from singer_sdk.exceptions import SingerSDKError
from singer_sdk.mapper import CustomStreamMap
from support import SAMPLE_CONFIG

from tap_kayzen.messages import stream_map_messages
from tap_kayzen.streams.expressions import CheckedMap, MapError, expression_fault
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from singer_sdk.mapper import StreamMap


def map_of(entry: dict[str, Any]) -> StreamMap:
    tap = TapKayzen(config={**SAMPLE_CONFIG, "stream_maps": {"campaigns": entry}})
    return tap.streams["campaigns"].stream_maps[0]


@pytest.mark.parametrize("entry", [{"x": "id"}, {"name": None}])
def test_errors_outside_of_expressions_stay_unchanged(
    monkeypatch: pytest.MonkeyPatch, entry: dict[str, Any]
) -> None:
    checked = map_of(entry)
    assert isinstance(checked, CheckedMap)
    assert checked.transform({"id": 1})

    def flatten_record(_: CustomStreamMap, record: object) -> NoReturn:
        raise RuntimeError(record)

    monkeypatch.setattr(CustomStreamMap, "flatten_record", flatten_record)
    with pytest.raises(RuntimeError):
        checked.transform({"id": 1})


def test_an_error_has_its_parts() -> None:
    with pytest.raises(MapError) as caught:
        map_of({"x": "1 / 0"}).transform({"id": 1})
    error = caught.value
    assert isinstance(error, SingerSDKError)
    assert error.what == "campaigns"
    assert error.cause.startswith("`stream_maps.campaigns.x`, `1 / 0`, failed: ")
    assert error.hint == stream_map_messages.CHECK()
    assert str(error) == f"{error.what}: {error.cause}; {error.hint}"


def test_a_filter_drops_records() -> None:
    checked = map_of({"__filter__": "id > 1"})
    assert checked.transform({"id": 1}) is None
    assert checked.transform({"id": 2}) == {"id": 2}
    assert not checked.get_filter_result({"id": 1})


def test_a_stream_selected_late_is_not_mapped() -> None:
    maps = {"cities": {"x": "id"}}
    tap = TapKayzen(config={**SAMPLE_CONFIG, "stream_maps": maps})
    stream = tap.streams["cities"]
    assert not stream.selected
    stream.selected = True
    assert stream.is_plain
    (message,) = stream._generate_schema_messages()  # noqa: SLF001
    assert message.schema["properties"].keys() == stream.schema["properties"].keys()


def test_settings_stay_unchanged() -> None:
    maps = {"__else__": None, "campaigns": {"__alias__": "ads"}}
    tap = TapKayzen(config={**SAMPLE_CONFIG, "stream_maps": maps})
    assert tap.config["stream_maps"] == maps


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("name.upper()", ""),
        ("__NULL__", ""),
        ("name +", "invalid syntax"),
        ("", "it must be one expression, such as `name.upper()`"),
        ("x = 1", "it must be one expression, such as `name.upper()`"),
        ("id; name", "it must be one expression, such as `name.upper()`"),
        (" id", "unexpected indent"),
    ],
)
def test_faults_in_an_expression_are_described(expression: str, fault: str) -> None:
    assert expression_fault(expression) == fault
