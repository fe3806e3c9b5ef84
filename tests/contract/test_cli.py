"""The command line, as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    contains,
    json_response,
    page_response,
    run_process,
    selecting,
    token_response,
)
from watchdog import finished, watched

from tap_kayzen.messages import (
    file_messages,
    login_messages,
    network_messages,
    report_setting_messages,
    settings_messages,
    stream_map_messages,
    stream_messages,
)
from tap_kayzen.sandbox.server import LOOPBACK, listen, url_of
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Serve
    from starlette.responses import Response
    from support import Call, Sandbox

    from tap_kayzen.messages.message import Message


def write(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def test_discover_needs_no_settings() -> None:
    run = run_process("--discover")
    assert run.code == 0
    assert run.errors == []
    streams = json.loads(run.stdout)["streams"]
    (entry,) = [each for each in streams if each["tap_stream_id"] == "campaigns"]
    assert entry["key_properties"] == ["id"]


def test_test_shows_whether_each_stream_is_available(
    serve: Serve, tmp_path: Path
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        if call.path in {"/v1/tags", "/v1/meta/cities"}:
            return json_response({"error": "no such thing"}, 404)
        if call.path.endswith("/changelogs"):
            return json_response({}, 404)
        if call.path in {"/v1/campaigns", "/v1/orders"}:
            return page_response([{"id": 1}, {"id": 2}], total_pages=1, total_entries=2)
        if call.path == "/v1/balance":
            return json_response({"advertiser": {"balance": "1.50"}})
        return page_response([], total_pages=1, total_entries=0)

    url, _ = serve(answer)
    path = write(tmp_path / "config.json", {**SAMPLE_CONFIG, "api_url": url})
    run = run_process("--config", path, "--test")
    assert run.code == 1, "`tags` would be read"
    lines = [
        line for line in run.stderr.splitlines() if " | " not in line and line[0] != " "
    ]
    table = {line.split()[0]: line.split(maxsplit=2)[1:] for line in lines}
    assert table["stream"] == ["readable", "first record"]
    assert table["orders"] == table["balance"] == ["yes", "yes"]
    assert table["creatives"] == ["yes", "none"]
    for name in ("tags", "cities", "campaign_changelogs"):
        assert table[name][0] == "no"
        assert stream_messages.NOT_FOUND() in table[name][1]
        assert f"select: ['!{name}.*']" in table[name][1]
    assert run.stdout == ""
    assert len(table) == 1 + len(TapKayzen(config=dict(SAMPLE_CONFIG)).streams)


def test_test_succeeds_if_all_selected_streams_are_available(config_file: Path) -> None:
    run = run_process("--config", config_file, "--test")
    assert run.code == 0, run.stderr
    assert "METRIC" not in run.stderr
    assert "Beginning sync" not in run.stderr


@pytest.mark.parametrize(
    ("chosen", "advice"),
    [
        ("meta/campaigns", "Set `campaigns_endpoint` to `campaigns` to get 33 fields "),
        ("campaigns", "website_objects "),
    ],
)
def test_test_compares_the_lists_of_campaigns(
    chosen: str, advice: str, config: dict[str, Any], tmp_path: Path
) -> None:
    settings = {**config, "campaigns_endpoint": chosen}
    path = write(tmp_path / "config.json", settings)
    run = run_process("--config", path, "--test")
    *_, last = run.stderr.splitlines()
    lists = [line.split() for line in run.stderr.splitlines() if line.startswith("  ")]
    assert lists == [
        ["meta/campaigns", "yes", "2", "fields"],
        ["campaigns", "yes", "33", "fields"],
    ]
    assert last.startswith(advice)


@pytest.mark.parametrize("test", ["--test", "--test=report"])
@pytest.mark.parametrize("what", ["refused", "no such host", "dead proxy"])
def test_test_gives_up_soon_on_a_server_that_cannot_be_reached(
    test: str, what: str, tmp_path: Path
) -> None:
    with listen(LOOPBACK, 0) as listener:
        nobody = url_of(listener)
    address = {"refused": nobody, "no such host": "https://kayzen.invalid"}
    proxy = {"HTTPS_PROXY": nobody} if what == "dead proxy" else {}
    settings = {"api_url": address.get(what, "https://api.kayzen.io")}
    path = write(tmp_path / "config.json", {**SAMPLE_CONFIG, **settings})
    run = run_process("--config", path, test, env={**os.environ, **proxy})
    assert run.code == 1
    (error,) = run.errors
    assert contains(error, login_messages.LOGIN_FAILED)
    assert "(time limit 4 s)" in error
    assert ("proxy" in error) == (what == "dead proxy")


def test_test_shows_no_messages_on_a_terminal(config_file: Path) -> None:
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123
        done = finished(
            [sys.executable, "-m", "tap_kayzen", "--config", config_file, "--test"],
            stdout=theirs,
            check=True,
        )
        os.write(theirs, b"the end\n")
        os.close(theirs)
        assert terminal.read(1000) == b"the end\r\n"
    assert "\ncampaigns " in done.stderr


def test_test_respects_the_log_level(config: dict[str, Any], tmp_path: Path) -> None:
    settings = {**config, "campaigns_endpoint": "meta/campaigns"}
    path = write(tmp_path / "config.json", settings)
    for level, is_told in (("WARNING", True), ("ERROR", False)):
        environment = {**os.environ, "TAP_KAYZEN_LOGLEVEL": level}
        run = run_process("--config", path, "--test", env=environment)
        assert contains(run.stderr, stream_messages.SHORT_LIST) is is_told


def test_about_lists_all_settings() -> None:
    run = run_process("--about", "--format=markdown")
    assert run.code == 0
    assert all(f"| {name} |" in run.stdout for name in SAMPLE_CONFIG)


def test_version() -> None:
    run = run_process("--version")
    assert run.stdout.startswith("tap-kayzen v")


def test_settings_from_the_environment(sandbox: Sandbox, tmp_path: Path) -> None:
    lines = [
        f"TAP_KAYZEN_{name.upper()}='{value}'"
        for name, value in {**SAMPLE_CONFIG, "api_url": sandbox.url}.items()
    ]
    (tmp_path / ".env").write_text("\n".join(lines))
    only = selecting(tmp_path, "campaigns")
    run = run_process("--config", "ENV", *only, cwd=tmp_path)
    assert run.code == 0
    assert len(run.records) == 250


@pytest.mark.parametrize("arguments", [(), ("--test",)])
def test_each_invalid_setting_is_named_on_its_own_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    config = {
        "username": "me",
        "password": "",
        "api_key": 12345,
        "api_url": "ftp://api.kayzen.io",
        "page_size": 0,
        "start_date": "2026-02-01",
        "end_date": "2026-01-31",
    }
    run = run_process("--config", write(tmp_path / "bad.json", config), *arguments)
    assert run.code == 1
    assert run.stdout == ""
    assert sorted(run.errors) == [
        "`api_key` must be of type string, not integer",
        settings_messages.MISSING(name="api_secret", variable="TAP_KAYZEN_API_SECRET"),
        "`api_url` must be an http or https address, like https://api.kayzen.io",
        "`page_size` must be at least 1",
        "`password` must not be empty",
        "`start_date` must not be after `end_date`",
    ]
    assert "12345" not in run.stderr


@pytest.mark.parametrize("content", [None, "{", "[1]", ""])
def test_a_config_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    run = run_process("--config", path)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith(
        file_messages.NOT_AN_OBJECT(option="--config", file=path, reason="")
    )
    assert (content == "[1]") == error.endswith(file_messages.OTHER_VALUE())


def test_json_instead_of_a_path_is_not_shown() -> None:
    run = run_process("--config", '{"password": "hunter2secret"}')
    assert run.code == 1
    assert "hunter2secret" not in run.stderr


@pytest.mark.parametrize("option", ["--state", "--catalog"])
@pytest.mark.parametrize("content", ["{", "[1]", ""])
def test_a_state_or_catalog_that_cannot_be_read_is_named(
    config_file: Path, tmp_path: Path, option: str, content: str
) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)
    run = run_process("--config", config_file, option, path)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith(
        file_messages.NOT_AN_OBJECT(option=option, file=path, reason="")
    )


@pytest.mark.parametrize("name", ["value", "singer_state"])
def test_a_state_inside_another_object_is_refused(
    config_file: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"type": "STATE", name: {"bookmarks": {}}}))
    run = run_process("--config", config_file, "--state", path)
    assert run.code == 1
    (error,) = run.errors
    assert error.endswith(file_messages.STATE_IN_ENVELOPE(name=name))


@pytest.mark.parametrize("catalog", [{}, {"bookmarks": {}}, {"streams": {}}])
def test_a_catalog_without_streams_is_refused(
    config_file: Path, tmp_path: Path, catalog: dict[str, Any]
) -> None:
    path = write(tmp_path / "catalog.json", catalog)
    run = run_process("--config", config_file, "--catalog", path)
    assert run.code == 1
    (error,) = run.errors
    assert error == f"--catalog {path}: {file_messages.NO_STREAMS()}"


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda entry: entry.pop(name)


def setting(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda entry: entry.update({name: value})


NO_METADATA = "has no list `metadata` with `breadcrumb` and `metadata`"
NO_SCHEMA = "has no `schema` with `properties`"
NO_COLUMN = "has no column in its `schema`"


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (without("tap_stream_id"), "has no `tap_stream_id`"),
        (setting("tap_stream_id", None), "has no `tap_stream_id`"),
        (setting("tap_stream_id", "orders"), "occurs twice"),
        (without("schema"), NO_COLUMN),
        (setting("schema", {}), NO_COLUMN),
        (setting("schema", {"properties": {}}), NO_COLUMN),
        (setting("schema", None), NO_SCHEMA),
        (setting("schema", {"properties": ["id"]}), NO_SCHEMA),
        (setting("schema", {"properties": {"id": "integer"}}), NO_SCHEMA),
        (setting("metadata", None), NO_METADATA),
        (setting("metadata", {"selected": True}), NO_METADATA),
        (setting("metadata", [{"breadcrumb": []}]), NO_METADATA),
        (
            setting("key_properties", "id"),
            "has no list of columns in `key_properties`",
        ),
    ],
)
def test_an_unusable_edited_catalog_entry_is_named(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None], fault: str
) -> None:
    _, path = selecting(tmp_path, "orders", "tags")
    catalog = json.loads(path.read_text())
    edit(catalog["streams"][1])
    name = catalog["streams"][1].get("tap_stream_id")
    write(path, catalog)
    sample = write(tmp_path / "config.json", SAMPLE_CONFIG)
    run = run_process("--config", sample, "--catalog", path)
    assert run.code == 1
    (error,) = run.errors
    stream = f" ({name})" if name else ""
    text = file_messages.BAD_ENTRY(index=1, stream=stream, fault=fault)
    assert error == f"--catalog {path}: {text}"


@pytest.mark.parametrize(
    ("edit", "warning"),
    [
        (without("stream"), None),
        (
            setting("stream", "ads"),
            stream_map_messages.CATALOG_ALIAS(stream="campaigns", option="__alias__"),
        ),
        (without("metadata"), None),
        (without("key_properties"), None),
    ],
)
def test_a_usable_edited_catalog_entry_is_read(
    config_file: Path,
    tmp_path: Path,
    edit: Callable[[dict[str, Any]], None],
    warning: str | None,
) -> None:
    _, path = selecting(tmp_path, "campaigns", "orders")
    catalog = json.loads(path.read_text())
    campaigns, orders = catalog["streams"]
    assert campaigns["tap_stream_id"] == "campaigns"
    edit(campaigns)
    # What is not read needs no schema.
    orders["schema"] = {}
    orders["metadata"] = [{"breadcrumb": [], "metadata": {"selected": False}}]
    run = run_process("--config", config_file, "--catalog", write(path, catalog))
    assert run.code == 0, run.stderr
    assert {each["stream"] for each in run.of_type("RECORD")} == {"campaigns"}
    assert len(run.records) == 250
    if warning:
        assert f"WARNING  | tap-kayzen                     | {warning}\n" in run.stderr


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_can_begin_with_a_byte_order_mark(
    config: dict[str, Any], tmp_path: Path, encoding: str
) -> None:
    _, catalog = selecting(tmp_path, "campaigns")
    paths = {
        "--config": write(tmp_path / "config.json", config),
        "--catalog": catalog,
        "--state": tmp_path / "state.json",
    }
    paths["--state"].write_text('{"bookmarks": {"x": {"y": "ü"}}}', encoding="utf-8")
    for path in paths.values():
        text = path.read_text(encoding="utf-8") + "\r\n"
        path.write_bytes(text.encode(encoding))
    # An encoding that the machine may have, and no file has.
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    arguments = [part for pair in paths.items() for part in pair]
    run = run_process(*arguments, env=environment)
    assert run.code == 0, run.stderr
    assert len(run.records) == 250
    assert run.of_type("STATE")[-1]["value"]["bookmarks"]["x"] == {"y": "ü"}


@pytest.mark.parametrize("option", ["--config", "--catalog", "--state"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "latin-1"])
def test_a_file_in_another_encoding_is_named(
    config_file: Path, tmp_path: Path, option: str, encoding: str
) -> None:
    path = tmp_path / "other.json"
    path.write_bytes('{"streams": [], "ü": 1}'.encode(encoding))
    run = run_process("--config", config_file, option, path)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith(f"{option} ")
    assert error.endswith(file_messages.NOT_UTF8(file=path))


@pytest.mark.parametrize("arguments", [(), ("--test",)])
def test_likely_typos_in_reports_are_named_before_any_request(
    serve: Serve, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    url, api = serve(lambda _: json_response({}, 401))
    reports = [
        {"name": "one", "metrics": ["clicks"], "group_by": ["day", "campaign"]},
        {
            "name": "two",
            "metrics": ["clicks", "spend", "installs_unique", "bids"],
            "group_by": ["day"],
        },
        {"name": "three", "metrics": ["spend"], "group_by": ["day"]},
    ]
    settings = {**SAMPLE_CONFIG, "api_url": url, "reports": reports}
    path = write(tmp_path / "config.json", {**settings, "max_retries": 0})
    discovered = run_process("--config", path, "--discover")
    catalog = json.loads(discovered.stdout)
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                name = entry["tap_stream_id"]
                each["metadata"]["selected"] = name in {"one", "two"}
    more = () if arguments else ("--catalog", write(tmp_path / "all.json", catalog))
    run = run_process("--config", path, *more, *arguments)
    assert run.code == 1
    lines = [line.split(" | ", 3) for line in run.stderr.splitlines()]
    warnings = [line[3] for line in lines if line[3].startswith("`reports[")]

    def misspelled(place: str, name: str, guess: str) -> str:
        hint = f"did you mean `{guess}`?"
        return report_setting_messages.MISSPELLED_NAME(
            place=place, name=name, hint=hint
        )

    expected = [
        misspelled("reports[0].group_by[1]", "campaign", "campaign_id"),
        misspelled("reports[1].metrics[1]", "spend", "advertiser_spend"),
        report_setting_messages.UNDOCUMENTED_NAMES(
            place="`reports[1]` (two)", names="installs_unique, bids"
        ),
    ]
    if arguments:  # All streams are read.
        expected.append(
            misspelled("reports[2].metrics[0]", "spend", "advertiser_spend")
        )
    assert warnings == expected
    assert api.calls, "the login was tried"
    errors = [line[1].strip() for line in lines]
    assert errors.index("WARNING") < errors.index("ERROR")


def test_an_unknown_log_level_is_named() -> None:
    run = run_process("--version", env={**os.environ, "LOGLEVEL": "FOO"})
    assert run.code == 1
    text = settings_messages.LOG_LEVEL(error="Unknown level: 'FOO'")
    assert run.stderr == f"{text}\n"


def test_a_fraction_of_a_second_as_timeout(
    config: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path / "config.json", {**config, "request_timeout": 2.5})
    assert run_process("--config", path).code == 0


@pytest.mark.parametrize(
    ("setting", "message", "response"),
    [
        ("username", login_messages.REJECTED_LOGIN, "Invalid login credentials"),
        ("password", login_messages.REJECTED_LOGIN, "Invalid login credentials"),
        ("api_key", login_messages.REJECTED_KEY, "Invalid API Key"),
        ("api_secret", login_messages.REJECTED_KEY, "Invalid API Key"),
    ],
)
def test_a_wrong_login_is_one_line_that_names_the_pair(
    config: dict[str, Any],
    tmp_path: Path,
    setting: str,
    message: Message,
    response: str,
) -> None:
    bad = write(tmp_path / "bad.json", {**config, setting: "wrong-s3cret"})
    run = run_process("--config", bad, env={**os.environ, "LOGLEVEL": "INFO"})
    assert run.code == 1
    (error,) = run.errors
    assert error == message(status=401, response=f'{{"error":"{response}"}}')
    assert "Traceback" not in run.stderr
    assert "wrong-s3cret" not in run.stderr
    assert run.records == []


def test_the_traceback_is_shown_at_debug_without_secrets(
    config: dict[str, Any], tmp_path: Path
) -> None:
    bad = write(tmp_path / "bad.json", {**config, "password": "wrong-s3cret"})
    run = run_process(
        "--config", bad, env={**os.environ, "TAP_KAYZEN_LOGLEVEL": "DEBUG"}
    )
    assert run.code == 1
    assert "Traceback" in run.stderr
    for secret in ("wrong-s3cret", config["api_key"], config["api_secret"]):
        assert secret not in run.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_signals_end_the_run_with_the_shells_code(
    serve: Serve, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """The server sends the signal itself, while the tap waits for page 2."""
    processes: list[subprocess.Popen[str]] = []

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        if "page=2" in call.query:
            processes[0].send_signal(number)
        return page_response([{"id": 1}], total_pages=1_000_000)

    url, _ = serve(answer)
    path = write(
        tmp_path / "config.json",
        {**SAMPLE_CONFIG, "api_url": url, "emit_activate_version_messages": True},
    )
    with watched(
        [
            sys.executable,
            "-m",
            "tap_kayzen",
            "--config",
            path,
            *selecting(tmp_path, "campaigns"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        processes.append(process)
        stdout, stderr = process.communicate()
    assert process.returncode == code
    assert network_messages.STOPPED(signal=number.name) in stderr
    assert "Traceback" not in stderr
    assert "ACTIVATE_VERSION" not in stdout
    assert all(json.loads(line) for line in stdout.splitlines())


@pytest.mark.parametrize("lines", [0, 1])
def test_a_target_that_exits_ends_the_run_silently(
    config_file: Path, lines: int
) -> None:
    arguments = ("--config", config_file) if lines else ("--discover",)
    with watched(
        [sys.executable, "-m", "tap_kayzen", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        stderr = process.stderr.read()
        assert process.wait() == 141
    assert "Traceback" not in stderr
    assert "BrokenPipe" not in stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_one_line(config_file: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = finished(
            [sys.executable, "-m", "tap_kayzen", "--config", config_file],
            # Without a buffer nothing is left to be flushed at exit.
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            stdout=full,
        )
    assert process.returncode == 1
    assert process.stderr.count("No space left on device") == 1
    assert "CRITICAL" not in process.stderr


def test_discovery_ignores_invalid_settings(tmp_path: Path) -> None:
    path = write(tmp_path / "bad.json", {"advertiser_ids": 7, "concurrency": "x"})
    run = run_process("--config", path, "--discover")
    assert run.code == 0
    assert run.errors == []
