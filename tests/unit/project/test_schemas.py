"""Every schema file, whether its stream is there yet or not, is made in one way."""

from __future__ import annotations

import pytest
from jsonschema import Draft7Validator
from support import SAMPLE_CONFIG, SCHEMAS

from tap_kayzen.tap import TapKayzen

TAP = TapKayzen(config={**SAMPLE_CONFIG, "audience_api_key": "key"})


@pytest.mark.parametrize("stream", SCHEMAS)
def test_keys_are_never_null_and_other_columns_may_be(stream: str) -> None:
    schema = SCHEMAS[stream]
    Draft7Validator.check_schema(schema)
    keys = set(schema["required"])
    types = {name: column["type"] for name, column in schema["properties"].items()}
    assert {name for name, each in types.items() if "null" not in each} == keys


@pytest.mark.parametrize("stream", SCHEMAS)
def test_everything_is_described(stream: str) -> None:
    schema = SCHEMAS[stream]
    for each in (schema, *schema["properties"].values()):
        assert each["description"].endswith(".")


@pytest.mark.parametrize("stream", SCHEMAS)
def test_the_last_column_keeps_all_other_values(stream: str) -> None:
    *_, (name, column) = SCHEMAS[stream]["properties"].items()
    assert name == "_extra"
    assert column == SCHEMAS["campaigns"]["properties"]["_extra"]


@pytest.mark.parametrize("stream", SCHEMAS)
def test_only_rows_of_advertisers_name_their_advertiser(stream: str) -> None:
    ours = TAP.streams[stream]
    assert ("advertiser_id" in SCHEMAS[stream]["properties"]) == ours.per_advertiser
