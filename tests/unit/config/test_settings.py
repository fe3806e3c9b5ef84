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
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from pathlib import Path


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
        ({"password": ""}, "`password` must not be empty"),
        ({"username": 5}, "`username` must be of type string, not integer"),
        ({"page_size": 0}, "`page_size` must be 1 or more"),
        ({"page_size": 1001}, "`page_size` must be 1000 or less"),
        ({"page_size": "many"}, "`page_size` must be of type integer, not string"),
        ({"page_size": True}, "`page_size` must be of type integer, not boolean"),
        (
            {"page_size": Decimal("1.5")},
            "`page_size` must be of type integer, not number",
        ),
        ({"request_timeout": 0}, "`request_timeout` must be more than 0"),
        ({"max_retries": -1}, "`max_retries` must be 0 or more"),
        (
            {"campaigns_endpoint": "orders"},
            "`campaigns_endpoint` must be one of meta/campaigns, campaigns",
        ),
        (
            {"advertiser_ids": ["x"]},
            "`advertiser_ids[0]` must be of type integer, not string",
        ),
        (
            {"advertiser_ids": "1,,2"},
            "`advertiser_ids[1]` must be of type integer, not string",
        ),
        (
            {"report_ids": ["1", 2.5]},
            "`report_ids[1]` must be of type integer, not number",
        ),
        ({"report_ids": "1,-2"}, "`report_ids[1]` must be 1 or more"),
        (
            {"advertiser_ids": "[1, 2"},
            "`advertiser_ids` must be of type array, not text that is no sound JSON",
        ),
        (
            {"advertiser_ids": {"1": 2}},
            "`advertiser_ids` must be of type array, not object",
        ),
        (
            {"advertiser_ids": True},
            "`advertiser_ids` must be of type array, not boolean",
        ),
        ({"username": ["me"]}, "`username` must be of type string, not array"),
        (
            {"stream_maps": {"campaigns": {"x": 5}}},
            (
                "`stream_maps.campaigns.x` is not of the form that the SDK's "
                "documentation gives for it"
            ),
        ),
        (
            {"stream_maps": {"campaigns": {"__else__": "x"}}},
            (
                "`stream_maps.campaigns.__else__` is not of the form that the SDK's "
                "documentation gives for it"
            ),
        ),
        (
            {"stream_maps": {"campaigns": {"x": "name upper"}}},
            "`stream_maps.campaigns.x` is no expression: invalid syntax",
        ),
        (
            {"stream_maps": {"campaigns": {"__filter__": "id = 5"}}},
            (
                "`stream_maps.campaigns.__filter__` is no expression: it must be one "
                "expression, such as `name.upper()`"
            ),
        ),
        (
            {"api_key": "key:secret"},
            "`api_key` must not hold a colon; is it key and secret in one?",
        ),
        ({"user_agent": "tap/ü"}, "`user_agent` must be plain ASCII text"),
        (
            {"request_timeout": float("inf")},
            "`request_timeout` must be a finite number",
        ),
        (
            {"stream_maps": 5},
            "`stream_maps` must be of type object, not integer",
        ),
        ({"start_date": 2026}, "`start_date` must be of type string, not integer"),
        (
            {"start_date": "2026-02-01", "end_date": "2026-01-31"},
            "`start_date` must not be after `end_date`",
        ),
        (
            {"pagesize": 5},
            "`pagesize` is not a setting of tap-kayzen: did you mean `page_size`?",
        ),
        ({"zzz": 5}, "`zzz` is not a setting of tap-kayzen"),
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
def test_what_is_no_date_is_named(name: str, text: str) -> None:
    assert problems(**{name: text}) == [
        (
            f"`{name}` must be a date like 2026-01-31, or a date-time like "
            "2026-01-31T00:00:00Z"
        )
    ]


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
def test_of_a_date_time_the_day_counts_as_it_is_written(name: str, text: str) -> None:
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
def test_ids_may_be_written_in_several_ways(
    name: str, given: object, used: list[int]
) -> None:
    assert settings(**{name: given})[name] == used


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ftp://api.kayzen.io", "must be an http or https address"),
        ("api.kayzen.io", "must be an http or https address"),
        ("https://", "must be an http or https address"),
        ("https://[::1", "is not an address"),
        ("https://api.kayzen.io:port", "is not an address"),
        ("https://me:secret@api.kayzen.io", "must not hold a login"),
        ("https://api.kayzen.io?x=1", "must end with the path"),
    ],
)
def test_a_bad_address_is_named_in_one_line(url: str, complaint: str) -> None:
    (problem,) = problems(api_url=url)
    assert problem.startswith(f"`api_url` {complaint}")
    assert "secret" not in problem


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
    assert problem == (
        f"`{name}` must be https, as http would send the credentials "
        "unencrypted; if that network is safe, set `allow_insecure_http`"
    )
    assert settings(**{name: url, "allow_insecure_http": True})[name] == url


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.8.9.10", "[::1]", "localhost", "LocalHost", "x.localhost"],
)
def test_http_to_this_machine_is_fine(host: str) -> None:
    url = f"http://{host}:8765"
    assert settings(api_url=url, audience_url=url)["api_url"] == url


def test_all_problems_come_at_once() -> None:
    with pytest.raises(ConfigValidationError) as caught:
        TapKayzen(config={"page_size": 0, "password": "", "api_url": "ftp://x", "q": 1})
    assert len(caught.value.errors) == 7
    assert [line for line in caught.value.errors if "is missing" in line] == [
        f"`{name}` is missing: set it in the config file, or as "
        f"TAP_KAYZEN_{name.upper()} with --config ENV, or with Meltano in the "
        "project's `.env`"
        for name in ("username", "api_key", "api_secret")
    ]


def test_parquet_without_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = {"encoding": {"format": "parquet"}, "storage": {"root": "file:///tmp"}}
    TapKayzen(config={**SAMPLE_CONFIG, "batch_config": batch})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert problems(batch_config=batch) == [
        "`batch_config` needs pyarrow for Parquet: install tap-kayzen[parquet]"
    ]


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ({"storage": {"root": "x"}}, ["`batch_config.encoding` is missing"]),
        (
            {"encoding": None, "storage": None},
            ["`batch_config.encoding` is missing", "`batch_config.storage` is missing"],
        ),
        (
            {"encoding": {}, "storage": {"root": ""}},
            [
                "`batch_config.encoding.format` is missing",
                "`batch_config.storage.root` is missing",
            ],
        ),
        (
            {**BATCH, "encoding": {"format": "jsonl", "compresion": "gzip"}},
            [
                (
                    "`batch_config.encoding.compresion` is not a part of "
                    "`batch_config.encoding`: did you mean `compression`?"
                )
            ],
        ),
        (
            {**BATCH, "zzz": 1},
            [
                (
                    "`batch_config.zzz` is not a part of `batch_config`: it may have "
                    "encoding, storage, batch_size"
                )
            ],
        ),
        *(
            (
                {**BATCH, "batch_size": size},
                ["`batch_config.batch_size` must be an integer of 1 or more"],
            )
            for size in (0, -1, "5", 2.5, True)
        ),
        (
            {**BATCH, "storage": {"root": "s3://bucket/x"}},
            [
                (
                    "`batch_config.storage.root` needs s3fs for s3://: install "
                    "singer-sdk[s3] beside the tap"
                )
            ],
        ),
        (
            {**BATCH, "storage": {"root": "gs://bucket"}},
            [
                (
                    "`batch_config.storage.root` needs gcsfs for gs://: install gcsfs "
                    "beside the tap"
                )
            ],
        ),
    ],
)
def test_a_batch_config_of_no_use_is_named(
    batch: dict[str, Any], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("s3fs", "gcsfs"):
        monkeypatch.setitem(sys.modules, module, None)
    assert problems(batch_config=batch) == expected


def test_a_batch_config_of_the_wrong_type_is_named_once() -> None:
    batch = {"encoding": 5, "storage": {"root": 7}}
    assert problems(batch_config=batch) == [
        "`batch_config.encoding` must be of type object, not integer",
        "`batch_config.storage.root` must be of type string, not integer",
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
def test_a_sound_batch_config_is_taken(batch: dict[str, Any]) -> None:
    assert settings(batch_config=batch)["batch_config"] == batch


def test_storage_whose_library_is_there_is_taken(
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
        (
            "`stream_maps.campaigns.name` needs Faker for `fake`: install "
            "singer-sdk[faker] beside the tap"
        )
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
def test_numbers_and_booleans_may_be_text(given: dict[str, Any], used: object) -> None:
    ((name, _),) = given.items()
    assert repr(settings(**given)[name]) == repr(used)


@pytest.mark.parametrize("text", ["x", "1.5", "[1]", "true", '"50"', "NaN"])
def test_text_that_is_no_such_number_is_named(text: str) -> None:
    (problem, *_) = problems(page_size=text)
    assert problem.startswith("`page_size` must be of type integer, not ")


def test_an_empty_text_counts_as_not_set() -> None:
    optional = [name for name in SETTINGS["properties"] if name not in REQUIRED]
    assert settings(**dict.fromkeys(optional, "")) == settings(
        **dict.fromkeys(optional)
    )
    (problem,) = problems(api_key="")
    assert problem == "`api_key` must not be empty"


@pytest.mark.parametrize("blank", [" ", "\n", "\t", "\N{NO-BREAK SPACE}", "\ufeff"])
@pytest.mark.parametrize("name", PASTED_SETTINGS)
def test_what_does_not_show_at_the_ends_is_named(name: str, blank: str) -> None:
    value = settings(audience_api_key="key")[name]
    for given in (value + blank, blank + value):
        assert problems(**{name: given}) == [
            f"`{name}` begins or ends with a space or a line break: remove it"
        ]


def test_a_password_may_begin_and_end_with_a_space() -> None:
    assert settings(password=" a b ")["password"] == " a b "
    assert settings(api_key="a b")["api_key"] == "a b"


def test_values_of_secrets_are_not_shown() -> None:
    (problem,) = problems(api_secret=123456)
    assert problem == "`api_secret` must be of type string, not integer"


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
def test_the_address_may_end_in_a_slash_or_v1(given: str, used: str) -> None:
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
def test_dotenv_may_begin_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    text = "TAP_KAYZEN_USER_AGENT=from-file\r\nTAP_KAYZEN_PAGE_SIZE=9\r\n# ü"
    (tmp_path / ".env").write_bytes(text.encode(encoding))
    if encoding in {"utf-16-le", "latin-1"}:
        run = run_process("--config", "ENV", cwd=tmp_path)
        path = (tmp_path / ".env").resolve()
        assert run.code == 1
        assert run.errors == [f"{path}: it is not UTF-8 text: save it as UTF-8"]
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


def test_a_misspelt_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_KAYZEN_PASWORD", "s3cret")
    monkeypatch.setenv("TAP_KAYZEN_LOGLEVEL", "INFO")
    monkeypatch.setenv("TAP_KAYZEN__SELECT", "[]")
    with pytest.raises(ConfigValidationError) as caught:
        TapKayzen(config=dict(SAMPLE_CONFIG), parse_env_config=True)
    assert caught.value.errors == [
        "`pasword` is not a setting of tap-kayzen: did you mean `password`?"
    ]


def test_what_the_environment_holds_in_a_wrong_form_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAP_KAYZEN_PAGE_SIZE", "many")
    monkeypatch.setenv("TAP_KAYZEN_ADVERTISER_IDS", "[1, 2")
    with pytest.raises(ConfigValidationError) as caught:
        TapKayzen(config=dict(SAMPLE_CONFIG), parse_env_config=True)
    assert sorted(caught.value.errors) == [
        "`advertiser_ids` must be of type array, not text that is no sound JSON",
        "`page_size` must be of type integer, not string",
    ]
