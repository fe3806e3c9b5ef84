from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from support import SAMPLE_CONFIG, run_process
from watchdog import finished

from tap_kayzen.config.settings import SETTINGS
from tap_kayzen.config.validation import PASTED_SETTINGS
from tap_kayzen.messages import (
    file_messages,
    settings_messages,
    stream_map_messages,
)
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from pathlib import Path

    from tap_kayzen.messages.message import Message


BATCH = {"encoding": {"format": "jsonl"}, "storage": {"root": "file:///tmp"}}


def problems(**changes: object) -> list[str]:
    with pytest.raises(ConfigValidationError) as caught:
        TapKayzen(config={**SAMPLE_CONFIG, **changes})
    return caught.value.errors


def settings(**changes: object) -> dict[str, Any]:
    return dict(TapKayzen(config={**SAMPLE_CONFIG, **changes}).config)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"password": ""}, settings_messages.EMPTY(name="password")),
        (
            {"username": 5},
            settings_messages.WRONG_TYPE(
                name="username", expected="string", found="integer"
            ),
        ),
        ({"page_size": 0}, settings_messages.TOO_LOW(name="page_size", limit=1)),
        ({"page_size": 1001}, settings_messages.TOO_HIGH(name="page_size", limit=1000)),
        (
            {"page_size": "many"},
            settings_messages.WRONG_TYPE(
                name="page_size", expected="integer", found="string"
            ),
        ),
        (
            {"api_secret": "..."},
            settings_messages.PLACEHOLDER(name="api_secret"),
        ),
        (
            {"page_size": True},
            settings_messages.WRONG_TYPE(
                name="page_size", expected="integer", found="boolean"
            ),
        ),
        (
            {"page_size": Decimal("1.5")},
            settings_messages.WRONG_TYPE(
                name="page_size", expected="integer", found="number"
            ),
        ),
        (
            {"request_timeout": 0},
            settings_messages.NOT_ABOVE(name="request_timeout", limit=0),
        ),
        ({"max_retries": -1}, settings_messages.TOO_LOW(name="max_retries", limit=0)),
        (
            {"campaigns_endpoint": "orders"},
            settings_messages.NOT_ONE_OF(
                name="campaigns_endpoint", choices="meta/campaigns, campaigns"
            ),
        ),
        (
            {"advertiser_ids": ["x"]},
            settings_messages.WRONG_TYPE(
                name="advertiser_ids[0]", expected="integer", found="string"
            ),
        ),
        (
            {"advertiser_ids": "1,,2"},
            settings_messages.WRONG_TYPE(
                name="advertiser_ids[1]", expected="integer", found="string"
            ),
        ),
        (
            {"report_ids": ["1", 2.5]},
            settings_messages.WRONG_TYPE(
                name="report_ids[1]", expected="integer", found="number"
            ),
        ),
        (
            {"report_ids": "1,-2"},
            settings_messages.TOO_LOW(name="report_ids[1]", limit=1),
        ),
        (
            {"advertiser_ids": "[1, 2"},
            settings_messages.WRONG_TYPE(
                name="advertiser_ids",
                expected="array",
                found="text that is not valid JSON",
            ),
        ),
        (
            {"advertiser_ids": {"1": 2}},
            settings_messages.WRONG_TYPE(
                name="advertiser_ids", expected="array", found="object"
            ),
        ),
        (
            {"advertiser_ids": True},
            settings_messages.WRONG_TYPE(
                name="advertiser_ids", expected="array", found="boolean"
            ),
        ),
        (
            {"username": ["me"]},
            settings_messages.WRONG_TYPE(
                name="username", expected="string", found="array"
            ),
        ),
        (
            {"stream_maps": {"campaigns": {"x": 5}}},
            settings_messages.INVALID(name="stream_maps.campaigns.x"),
        ),
        (
            {"stream_maps": {"campaigns": {"__else__": "x"}}},
            settings_messages.INVALID(name="stream_maps.campaigns.__else__"),
        ),
        (
            {"stream_maps": {"campaigns": {"x": "name upper"}}},
            stream_map_messages.NOT_AN_EXPRESSION(
                place="stream_maps.campaigns.x", reason="invalid syntax"
            ),
        ),
        (
            {"stream_maps": {"campaigns": {"__filter__": "id = 5"}}},
            stream_map_messages.NOT_AN_EXPRESSION(
                place="stream_maps.campaigns.__filter__",
                reason="it must be one expression, such as `name.upper()`",
            ),
        ),
        (
            {"api_key": "key:secret"},
            settings_messages.COLON_IN_KEY(),
        ),
        ({"user_agent": "tap/ü"}, settings_messages.NOT_ASCII()),
        (
            {"request_timeout": float("inf")},
            settings_messages.NOT_FINITE(name="request_timeout"),
        ),
        (
            {"stream_maps": 5},
            settings_messages.WRONG_TYPE(
                name="stream_maps", expected="object", found="integer"
            ),
        ),
        (
            {"start_date": 2026},
            settings_messages.WRONG_TYPE(
                name="start_date", expected="string", found="integer"
            ),
        ),
        (
            {"start_date": "2026-02-01", "end_date": "2026-01-31"},
            settings_messages.START_AFTER_END(),
        ),
        (
            {"pagesize": 5},
            settings_messages.UNKNOWN(
                name="pagesize", hint="; did you mean `page_size`?"
            ),
        ),
        ({"zzz": 5}, settings_messages.UNKNOWN(name="zzz", hint="")),
    ],
)
def test_a_bad_setting_is_named_in_one_line(
    changes: dict[str, object], problem: str
) -> None:
    assert problems(**changes) == [problem]


@pytest.mark.parametrize("name", ["start_date", "end_date"])
@pytest.mark.parametrize(
    "text",
    [
        "01/02/2026",
        "2026-1-5",
        "20260131",
        "2026-02-30",
        "2026-W05-6",
        "2026-02-30T00:00:00Z",
        "2026-01-31T",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12",
        "2026-01-31 to 2026-02-28",
        "yesterday",
        "1769817600",
    ],
)
def test_an_invalid_date_is_named(name: str, text: str) -> None:
    assert problems(**{name: text}) == [settings_messages.NOT_A_DATE(name=name)]


@pytest.mark.parametrize("name", ["start_date", "end_date"])
@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01",
        "2026-11-01T00:00:00Z",
        "2026-11-01T00:00:00.000Z",
        "2026-11-01T23:59:59.123456789+13:00",
        "2026-11-01 23:30:00-0800",
        "2026-11-01 00:00:00 +00",
        "2026-11-01t00:00z",
        " 2026-11-01T00:00:00 ",
    ],
)
def test_a_date_time_counts_as_its_written_day(name: str, text: str) -> None:
    assert settings(**{name: text})[name] == "2026-11-01"


@pytest.mark.parametrize("name", ["advertiser_ids", "report_ids"])
@pytest.mark.parametrize(
    ("given", "used"),
    [
        ([1, 2], [1, 2]),
        (["1", " 2"], [1, 2]),
        ("1,2", [1, 2]),
        (" 1 , 2 ", [1, 2]),
        ("[1, 2]", [1, 2]),
        ('["1", "2"]', [1, 2]),
        (1, [1]),
        ("1", [1]),
        (Decimal("1.0"), [1]),
        ([], []),
    ],
)
def test_ids_can_be_written_in_several_ways(
    name: str, given: object, used: list[int]
) -> None:
    assert settings(**{name: given})[name] == used


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://api.kayzen.io", settings_messages.BAD_URL),
        ("api.kayzen.io", settings_messages.BAD_URL),
        ("https://", settings_messages.BAD_URL),
        ("https://[::1", settings_messages.BAD_URL),
        ("https://api.kayzen.io:port", settings_messages.BAD_URL),
        ("https://me:secret@api.kayzen.io", settings_messages.URL_WITH_LOGIN),
        ("https://api.kayzen.io?x=1", settings_messages.URL_WITH_QUERY),
    ],
)
def test_a_bad_address_is_named_in_one_line(url: str, message: Message) -> None:
    (problem,) = problems(api_url=url)
    assert problem == message(name="api_url", example="https://api.kayzen.io")
    assert "me:" not in problem


@pytest.mark.parametrize("name", ["api_url", "audience_url"])
@pytest.mark.parametrize(
    "url",
    [
        "http://api.kayzen.io",
        "HTTP://api.kayzen.io",
        "http://10.0.0.1:8080",
        "http://0.0.0.0",
        "http://localhost.example.com",
        "http://notlocalhost",
        "http://127.0.0.1.example.com",
        "http://[2001:db8::1]",
    ],
)
def test_http_to_another_machine_must_be_allowed(name: str, url: str) -> None:
    (problem,) = problems(**{name: url})
    assert problem == settings_messages.INSECURE_URL(name=name)
    assert settings(**{name: url, "allow_insecure_http": True})[name] == url


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.8.9.10", "[::1]", "localhost", "LocalHost", "x.localhost"],
)
def test_http_to_this_machine_is_fine(host: str) -> None:
    url = f"http://{host}:8765"
    assert settings(api_url=url, audience_url=url)["api_url"] == url


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigValidationError) as caught:
        TapKayzen(config={"page_size": 0, "password": "", "api_url": "ftp://x", "q": 1})
    assert len(caught.value.errors) == 7
    assert [line for line in caught.value.errors if "is missing" in line] == [
        settings_messages.MISSING(name=name, variable=f"TAP_KAYZEN_{name.upper()}")
        for name in ("username", "api_key", "api_secret")
    ]


def test_parquet_without_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = {"encoding": {"format": "parquet"}, "storage": {"root": "file:///tmp"}}
    TapKayzen(config={**SAMPLE_CONFIG, "batch_config": batch})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert problems(batch_config=batch) == [settings_messages.NO_PYARROW()]


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (
            {"storage": {"root": "x"}},
            [settings_messages.BATCH_PART_MISSING(part="batch_config.encoding")],
        ),
        (
            {"encoding": None, "storage": None},
            [
                settings_messages.BATCH_PART_MISSING(part="batch_config.encoding"),
                settings_messages.BATCH_PART_MISSING(part="batch_config.storage"),
            ],
        ),
        (
            {"encoding": {}, "storage": {"root": ""}},
            [
                settings_messages.BATCH_PART_MISSING(
                    part="batch_config.encoding.format"
                ),
                settings_messages.BATCH_PART_MISSING(part="batch_config.storage.root"),
            ],
        ),
        (
            {**BATCH, "encoding": {"format": "jsonl", "compresion": "gzip"}},
            [
                settings_messages.BATCH_PART_UNKNOWN(
                    part="batch_config.encoding.compresion",
                    hint="did you mean `compression`?",
                )
            ],
        ),
        (
            {**BATCH, "zzz": 1},
            [
                settings_messages.BATCH_PART_UNKNOWN(
                    part="batch_config.zzz", hint="use encoding, storage, batch_size"
                )
            ],
        ),
        *(
            (
                {**BATCH, "batch_size": size},
                [settings_messages.BATCH_SIZE()],
            )
            for size in (0, -1, "5", 2.5, True)
        ),
        (
            {**BATCH, "storage": {"root": "s3://bucket/x"}},
            [
                settings_messages.NO_STORAGE_LIBRARY(
                    module="s3fs", scheme="s3", package="singer-sdk[s3]"
                )
            ],
        ),
        (
            {**BATCH, "storage": {"root": "gs://bucket"}},
            [
                settings_messages.NO_STORAGE_LIBRARY(
                    module="gcsfs", scheme="gs", package="gcsfs"
                )
            ],
        ),
    ],
)
def test_an_unusable_batch_config_is_named(
    batch: dict[str, Any], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("s3fs", "gcsfs"):
        monkeypatch.setitem(sys.modules, module, None)
    assert problems(batch_config=batch) == expected


def test_a_batch_config_of_the_wrong_type_is_named_once() -> None:
    batch = {"encoding": 5, "storage": {"root": 7}}
    assert problems(batch_config=batch) == [
        settings_messages.WRONG_TYPE(
            name="batch_config.encoding", expected="object", found="integer"
        ),
        settings_messages.WRONG_TYPE(
            name="batch_config.storage.root", expected="string", found="integer"
        ),
    ]


@pytest.mark.parametrize(
    "batch",
    [
        {},
        BATCH,
        {**BATCH, "batch_size": 5},
        {**BATCH, "batch_size": None, "storage": {"root": "memory://x", "params": {}}},
    ],
)
def test_a_valid_batch_config_is_accepted(batch: dict[str, Any]) -> None:
    assert settings(batch_config=batch)["batch_config"] == batch


def test_storage_with_an_installed_library_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = ModuleType("s3fs")
    library.__spec__ = ModuleSpec("s3fs", None)
    monkeypatch.setitem(sys.modules, "s3fs", library)
    settings(batch_config={**BATCH, "storage": {"root": "s3://bucket/x"}})


@pytest.mark.parametrize("expression", ["fake.name()", "name or fake.name()"])
def test_made_up_values_need_a_library(
    expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faker", None)
    assert problems(stream_maps={"campaigns": {"name": expression}}) == [
        stream_map_messages.NO_FAKER(place="stream_maps.campaigns.name")
    ]


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ({"page_size": "50"}, 50),
        ({"page_size": " 50 "}, 50),
        ({"page_size": "5e1"}, 50),
        ({"request_timeout": "2.5"}, 2.5),
        ({"request_timeout": "3"}, 3),
        ({"allow_insecure_http": "true"}, True),
        ({"allow_insecure_http": "No"}, False),
        ({"flattening_enabled": "0"}, False),
        ({"user_agent": "50"}, "50"),
        ({"api_key": "123456"}, "123456"),
    ],
)
def test_numbers_and_booleans_can_be_text(given: dict[str, Any], used: object) -> None:
    ((name, _),) = given.items()
    assert repr(settings(**given)[name]) == repr(used)


@pytest.mark.parametrize("text", ["x", "1.5", "[1]", "true", '"50"', "NaN"])
def test_text_that_is_not_a_valid_number_is_named(text: str) -> None:
    (problem, *_) = problems(page_size=text)
    assert problem.startswith("`page_size` must be of type integer, not ")


def test_an_empty_text_counts_as_not_set() -> None:
    optional = [name for name in SETTINGS["properties"] if name not in REQUIRED]
    assert settings(**dict.fromkeys(optional, "")) == settings(
        **dict.fromkeys(optional)
    )
    (problem,) = problems(api_key="")
    assert problem == settings_messages.EMPTY(name="api_key")


@pytest.mark.parametrize("blank", [" ", "\n", "\t", "\N{NO-BREAK SPACE}", "\ufeff"])
@pytest.mark.parametrize("name", PASTED_SETTINGS)
def test_invisible_characters_at_the_ends_are_named(name: str, blank: str) -> None:
    value = settings(audience_api_key="key")[name]
    for given in (value + blank, blank + value):
        assert problems(**{name: given}) == [settings_messages.BLANK_END(name=name)]


def test_a_password_can_begin_and_end_with_a_space() -> None:
    assert settings(password=" a b ")["password"] == " a b "
    assert settings(api_key="a b")["api_key"] == "a b"


def test_values_of_secrets_are_not_shown() -> None:
    (problem,) = problems(api_secret=123456)
    assert problem == settings_messages.WRONG_TYPE(
        name="api_secret", expected="string", found="integer"
    )


def test_whole_decimals_are_integers() -> None:
    assert repr(settings(page_size=Decimal("50.0"))["page_size"]) == "50"
    assert repr(settings(request_timeout=Decimal("2.5"))["request_timeout"]) == "2.5"


def test_null_counts_as_not_set() -> None:
    assert settings(page_size=None)["page_size"] == 100
    (problem,) = problems(api_key=None)
    assert problem.startswith("`api_key` is missing")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.kayzen.io", "https://api.kayzen.io"),
        ("https://api.kayzen.io/", "https://api.kayzen.io"),
        ("https://api.kayzen.io/v1/", "https://api.kayzen.io"),
        ("https://dsp.example.com/api/v1", "https://dsp.example.com/api"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
    ],
)
def test_the_address_can_end_in_a_slash_or_v1(given: str, used: str) -> None:
    assert settings(api_url=given)["api_url"] == used


def test_defaults() -> None:
    tap = TapKayzen(config={k: SAMPLE_CONFIG[k] for k in REQUIRED})
    assert tap.config["api_url"] == "https://api.kayzen.io"
    assert tap.config["campaigns_endpoint"] == "meta/campaigns"
    assert tap.config["page_size"] == 100
    assert tap.config["request_timeout"] == 120
    assert tap.config["max_retries"] == 8
    assert tap.config["user_agent"] == f"tap-kayzen/{tap.plugin_version}"


REQUIRED = ("username", "password", "api_key", "api_secret")


def from_environment(folder: Path, **variables: str) -> dict[str, Any]:
    """Read settings as a process that has done nothing else."""
    names = {f"TAP_KAYZEN_{name}": value for name, value in variables.items()}
    login = {
        f"TAP_KAYZEN_{name.upper()}": value for name, value in SAMPLE_CONFIG.items()
    }
    code = """
import json
from tap_kayzen.tap import TapKayzen
config = {"page_size": 7}
print(json.dumps(dict(TapKayzen(config=config, parse_env_config=True).config)))
"""
    done = finished(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **login, **names},
        check=True,
    )
    config: dict[str, Any] = json.loads(done.stdout)
    return config


BATCH = {
    "encoding": {"format": "jsonl", "compression": "gzip"},
    "storage": {"root": "file:///tmp"},
}


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("STREAM_MAPS", '{"campaigns": {"x": "1"}}', {"campaigns": {"x": "1"}}),
        ("STREAM_MAP_CONFIG", '{"rate": 0.5, "by": [1]}', {"rate": 0.5, "by": [1]}),
        ("FAKER_CONFIG", '{"seed": 5}', {"seed": 5}),
        ("FLATTENING_ENABLED", "true", True),
        ("FLATTENING_ENABLED", "1", True),
        ("FLATTENING_ENABLED", "No", False),
        ("FLATTENING_MAX_DEPTH", "2", 2),
        ("FLATTENING_MAX_KEY_LENGTH", "63", 63),
        ("FLATTENING_SEPARATOR", "__", "__"),
        ("FLATTENING_SEPARATOR", "1", "1"),
        ("BATCH_CONFIG", json.dumps(BATCH), BATCH),
        ("ADVERTISER_IDS", "1,2", [1, 2]),
        ("ADVERTISER_IDS", '["1", "2"]', [1, 2]),
        ("ADVERTISER_IDS", '"1", "2"', [1, 2]),
        ("REPORT_IDS", "7", [7]),
        ("START_DATE", "2026-11-01T00:00:00+02:00", "2026-11-01"),
        ("PAGE_SIZE", "50", 50),
    ],
)
def test_each_setting_from_the_environment_alone(
    tmp_path: Path, variable: str, text: str, value: object
) -> None:
    variables = {"FLATTENING_MAX_DEPTH": "1", variable: text}
    config = from_environment(tmp_path, **variables)
    assert config[variable.lower()] == value


def test_no_tap_changes_the_definition_of_the_settings() -> None:
    before = json.dumps(TapKayzen.config_jsonschema)
    TapKayzen(config=dict(SAMPLE_CONFIG), parse_env_config=True)
    TapKayzen.print_about(output_format="json")
    assert json.dumps(TapKayzen.config_jsonschema) == before


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "latin-1"]
)
def test_dotenv_can_begin_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    text = "TAP_KAYZEN_USER_AGENT=from-file\r\nTAP_KAYZEN_PAGE_SIZE=9\r\n# ü"
    (tmp_path / ".env").write_bytes(text.encode(encoding))
    if encoding in {"utf-16-le", "latin-1"}:
        run = run_process("--config", "ENV", cwd=tmp_path)
        path = (tmp_path / ".env").resolve()
        assert run.code == 1
        assert run.errors == [file_messages.NOT_UTF8(file=path)]
        return
    config = from_environment(tmp_path)
    assert config["user_agent"] == "from-file"
    assert config["page_size"] == 9


def test_settings_come_from_the_environment_and_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(
        "TAP_KAYZEN_USERNAME=from-file\nTAP_KAYZEN_PASSWORD='from ${HOME} file'\n"
    )
    environment = {
        "USERNAME": "from-environment",
        "API_KEY": "12345",
        "API_SECRET": "true",
        "PAGE_SIZE": "50",
        "REQUEST_TIMEOUT": "2.5",
        "ADVERTISER_IDS": "1,2",
        "EMIT_ACTIVATE_VERSION_MESSAGES": "True",
        "USER_AGENT": "",
    }
    # Registered before the file is read, so that its variables go with the test.
    monkeypatch.setenv("TAP_KAYZEN_PASSWORD", "")
    monkeypatch.delenv("TAP_KAYZEN_PASSWORD")
    for name, value in environment.items():
        monkeypatch.setenv(f"TAP_KAYZEN_{name}", value)
    config = TapKayzen(config={"page_size": 7}, parse_env_config=True).config
    assert config["username"] == "from-environment"
    assert config["password"] == "from ${HOME} file"
    assert config["api_key"] == "12345"
    assert config["api_secret"] == "true"
    assert config["page_size"] == 50
    assert config["request_timeout"] == 2.5
    assert config["advertiser_ids"] == [1, 2]
    assert config["emit_activate_version_messages"] is True
    assert config["user_agent"].startswith("tap-kayzen/")


def test_a_misspelled_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_KAYZEN_PASWORD", "s3cret")
    monkeypatch.setenv("TAP_KAYZEN_LOGLEVEL", "INFO")
    monkeypatch.setenv("TAP_KAYZEN__SELECT", "[]")
    with pytest.raises(ConfigValidationError) as caught:
        TapKayzen(config=dict(SAMPLE_CONFIG), parse_env_config=True)
    assert caught.value.errors == [
        settings_messages.UNKNOWN(name="pasword", hint="; did you mean `password`?")
    ]


def test_environment_variables_in_a_wrong_format_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAP_KAYZEN_PAGE_SIZE", "many")
    monkeypatch.setenv("TAP_KAYZEN_ADVERTISER_IDS", "[1, 2")
    with pytest.raises(ConfigValidationError) as caught:
        TapKayzen(config=dict(SAMPLE_CONFIG), parse_env_config=True)
    assert sorted(caught.value.errors) == [
        settings_messages.WRONG_TYPE(
            name="advertiser_ids", expected="array", found="text that is not valid JSON"
        ),
        settings_messages.WRONG_TYPE(
            name="page_size", expected="integer", found="string"
        ),
    ]
