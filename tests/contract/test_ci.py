"""The CI recipes of the docs work, and each run exits with the documented code."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support import ROOT, SAMPLE_CONFIG, run_process, selecting
from watchdog import finished

from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.server import LOOPBACK, listen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support import Sandbox

GUIDE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load(
    (ROOT / "examples" / "ci" / "github.yml").read_text(encoding="utf-8")
)
STEPS = WORKFLOW["jobs"]["sandbox"]["steps"]


def script(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Run what a CI system would, but for the installation; return what it printed."""
    commands, installations = re.subn(r"(?m)^pip install .*tap-kayzen.*$", "", text)
    assert installations == 1
    with listen(LOOPBACK, 0) as listener:
        port = str(listener.getsockname()[1])
    here = {name: text.replace("8765", port) for name, text in environment.items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "log").open("w+") as log:
        # What it leaves behind is killed, as with the machine of a job.
        done = finished(
            ["bash", "-e", "-c", commands.replace("8765", port)],
            cwd=folder,
            env={**os.environ, **here, "PATH": path},
            stdout=log,
            stderr=log,
        )
        log.seek(0)
        output = log.read()
    assert done.returncode == 0, output
    return output


def test_the_recipe_reads_the_sandbox(tmp_path: Path) -> None:
    (recipe,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    assert "\n50\n" in script(recipe, tmp_path, {})
    config = json.loads((tmp_path / "config.json").read_text())
    assert config.pop("max_retry_seconds") == 30
    assert list(config) == list(SAMPLE_CONFIG)


def test_the_workflow_reads_the_sandbox(tmp_path: Path) -> None:
    commands = "\n".join(step["run"] for step in STEPS if "run" in step)
    environment = {name: str(value) for name, value in WORKFLOW["env"].items()}
    assert "\n50\n" in script(commands, tmp_path, environment)


def test_the_actions_of_the_workflow_are_pinned() -> None:
    for step in STEPS:
        assert "run" in step or re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])


OUR_OWN_RUNS = {
    "complete": 0,
    "wrong setting": 1,
    "wrong login": 1,
    "API that is down": 1,
    "refused advertiser": 1,
    "unknown option": 2,
    "state that is not there": 2,
}
ELSEWHERE = {130, 141, 143}
"""Of signals and of a target that has gone, in test_cli.py."""


@pytest.mark.parametrize("what", OUR_OWN_RUNS)
def test_a_run_ends_with_the_documented_code(
    what: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    with listen(LOOPBACK, 0) as listener:
        nobody = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    changes: dict[str, Any] = {
        "wrong setting": {"page_size": 0},
        "wrong login": {"password": "wrong"},
        "API that is down": {"api_url": nobody, "max_retries": 1},
        "refused advertiser": {"advertiser_ids": [DEFAULT_ADVERTISER, 1]},
    }
    arguments = {
        "unknown option": ["--bogus"],
        "state that is not there": ["--state", "none.json"],
    }
    config = tmp_path / "config.json"
    settings = {**SAMPLE_CONFIG, "api_url": sandbox.url, **changes.get(what, {})}
    config.write_text(json.dumps(settings))
    only = selecting(tmp_path, "orders")
    run = run_process("--config", config, *only, *arguments.get(what, []))
    assert run.code == OUR_OWN_RUNS[what]
    if run.code == 1:
        assert len(run.errors) == 1


def test_every_code_is_documented() -> None:
    told = [int(code) for code in re.findall(r"^\| (\d+) \|", GUIDE, re.MULTILINE)]
    assert told == sorted({*OUR_OWN_RUNS.values(), *ELSEWHERE})
