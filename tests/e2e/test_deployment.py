"""Deployments of docs/deployment.md: cron, Kubernetes, and state in a bucket."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import demo
import psycopg
import pytest
import yaml
from databases import without_schemas
from support import REFUSED, contains
from watchdog import finished, watched

from tap_kayzen.messages import login_messages

if TYPE_CHECKING:
    from conftest import Broken
    from starlette.requests import Request
    from starlette.responses import Response

OURS = ("TAP_KAYZEN_", "TARGET_")
SCHEMA = "kayzen_deployment"
REPORT = "campaign_performance"
FIRST, SECOND, THIRD = "2025-03-01", "2025-03-02", "2025-03-03"
FOLDER = demo.ROOT / "examples" / "kubernetes"
TARGETS = demo.ROOT / ".cache" / "targets" / "bin"

_, CRON_JOB = yaml.safe_load_all((FOLDER / "cronjob.yaml").read_text("utf-8"))
(CONTAINER,) = CRON_JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
PLAIN = {each["name"]: each["value"] for each in CONTAINER["env"] if "value" in each}
GUIDE = (demo.ROOT / "docs" / "deployment.md").read_text("utf-8")
(CRONTAB,) = re.findall(r"```crontab\n(.*?)```", GUIDE, re.DOTALL)


class Account:
    """A sandbox that can reject a list and records the requested days."""

    def __init__(self, broken: Broken) -> None:
        self.asked: set[str] = set()
        self.refuses = ""
        self.url = broken(self._fault)["api_url"]

    def _fault(self, request: Request, body: bytes) -> Response | None:
        if request.url.path == "/v1/report_data":
            self.asked.add(json.loads(body)["start_date"])
        return REFUSED if request.url.path == self.refuses else None


@pytest.fixture
def account(broken: Broken) -> Account:
    return Account(broken)


@pytest.fixture
def database(server: str) -> str:
    return without_schemas(server, SCHEMA)


def days(database: str) -> list[str]:
    query = f"SELECT DISTINCT day::date::text FROM {SCHEMA}.{REPORT} ORDER BY 1"
    with psycopg.connect(database) as connection:
        return [day for (day,) in connection.execute(query.encode())]


def bookmark(state: str) -> str:
    bookmarks: dict[str, dict[str, str]] = json.loads(state)["bookmarks"]
    return bookmarks[REPORT]["replication_key_value"]


@pytest.mark.xdist_group("targets")
def test_the_line_for_cron_resumes_and_prints_only_failures(
    account: Account, database: str, tmp_path: Path
) -> None:
    """With the variables of the CronJob, whose image runs the same script."""
    folder = tmp_path / "kayzen"
    folder.mkdir()
    (folder / "sync.py").symlink_to(FOLDER / "sync.py")
    state = folder / "state.json"
    own = demo.variables(account.url, database).items()
    settings = {
        **PLAIN,
        **{name: value for name, value in own if name.startswith(OURS)},
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": SCHEMA,
        "TAP_KAYZEN_START_DATE": FIRST,
        "TAP_KAYZEN_LOOKBACK_DAYS": "0",
    }
    del settings["KAYZEN_STATE"]
    path, line = CRONTAB.splitlines()
    assert path.startswith("PATH=/srv/kayzen/tap/bin:/srv/kayzen/target/bin:")
    assert "./sync.py " + shlex.join(CONTAINER["args"]) in line
    command = line.removeprefix("0 6 * * * ").replace("/srv/kayzen", str(folder))
    programs = [Path(sys.executable).parent, TARGETS, "/usr/bin", "/bin"]

    def cron(end: str, **others: str) -> str:
        account.asked.clear()
        changed = {**settings, "TAP_KAYZEN_END_DATE": end, **others}
        lines = [f"{name}='{value}'\n" for name, value in changed.items()]
        (folder / ".env").write_text("".join(lines))
        done = finished(
            ["/bin/sh", "-c", command],
            env={"PATH": os.pathsep.join(map(str, programs))},
            stderr=subprocess.STDOUT,
        )
        return done.stdout

    account.refuses = "/v1/app_lists"
    assert "Incomplete: 1 of 9 streams failed" in cron(SECOND)
    assert days(database) == [FIRST, SECOND]
    assert bookmark(state.read_text()) == SECOND

    kept = state.read_text()
    assert "page_size" in cron(THIRD, TAP_KAYZEN_PAGE_SIZE="0")
    assert state.read_text() == kept
    rejected = cron(THIRD, TAP_KAYZEN_PASSWORD="wrong")
    assert contains(rejected, login_messages.REJECTED_LOGIN)
    assert bookmark(state.read_text()) == SECOND

    account.refuses = ""
    assert cron(THIRD) == ""
    assert account.asked == {SECOND}
    assert days(database) == [FIRST, SECOND, THIRD]
    assert bookmark(state.read_text()) == THIRD


STOPPABLE = """
set -eu
echo '{"bookmarks": {"first": {}}}'
echo '{"bookmarks": {"second": {}}}'
trap 'exit 143' TERM
echo ready >&2
while :; do sleep 0.1; done
"""


def test_a_stopped_script_keeps_what_the_target_stored(tmp_path: Path) -> None:
    programs = {"tap-kayzen": STOPPABLE, "target-postgres": "exec cat"}
    for name, code in programs.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{code}\n")
        program.chmod(0o755)
    path = [tmp_path, Path(sys.executable).parent, "/usr/bin", "/bin"]
    environment = {"PATH": os.pathsep.join(map(str, path))}
    with watched(
        [FOLDER / "sync.py", "--config", "ENV"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    assert json.loads((tmp_path / "state.json").read_text()) == {
        "bookmarks": {"second": {}}
    }


@pytest.mark.xdist_group("meltano")
def test_a_second_machine_resumes_from_the_state_in_a_shared_place(
    account: Account, database: str, tmp_path: Path
) -> None:
    """With the commands of the guide, in a system directory for each machine."""
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    container = yaml.safe_load(block)
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["MELTANO_STATE_BACKEND_URI"].startswith("s3://")
    backend = tmp_path / "bucket"

    def run(machine: str, end: str) -> int:
        account.asked.clear()
        own = demo.variables(account.url, database)
        return demo.run(
            *(*container["command"], *container["args"]),
            folder=demo.ROOT,
            environment={
                **own,
                **variables,
                "MELTANO_STATE_BACKEND_URI": f"file://{backend}",
                "MELTANO_SYS_DIR_ROOT": str(tmp_path / machine),
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}",
                "TAP_KAYZEN__SELECT": json.dumps([f"{REPORT}.*"]),
                "TAP_KAYZEN_START_DATE": FIRST,
                "TAP_KAYZEN_END_DATE": end,
                "TAP_KAYZEN_LOOKBACK_DAYS": "0",
                "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": SCHEMA,
            },
        )

    assert run("one", SECOND) == 0
    (state,) = backend.iterdir()
    assert state.name == "prod:tap-kayzen-to-target-postgres"
    assert run("two", THIRD) == 0
    assert account.asked == {SECOND}
    assert days(database) == [FIRST, SECOND, THIRD]
