"""The manifest for Kubernetes fits the image, the tap, and the target."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from support import ROOT

from tap_kayzen.config.settings import SETTINGS

FOLDER = ROOT / "examples" / "kubernetes"
CLAIM, CRON_JOB = yaml.safe_load_all((FOLDER / "cronjob.yaml").read_text("utf-8"))
JOB = CRON_JOB["spec"]["jobTemplate"]["spec"]
POD = JOB["template"]["spec"]
(CONTAINER,) = POD["containers"]
VARIABLES = {each["name"]: each for each in CONTAINER["env"]}
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8")
SCRIPT = FOLDER / "sync.py"

IN_A_CLONE = pytest.mark.skipif(
    not (ROOT / "tools" / "requirements").exists(),
    reason="not a clone of the repository",
)


def settings_of(prefix: str) -> set[str]:
    return {
        name.removeprefix(prefix).lower()
        for name in VARIABLES
        if name.startswith(prefix)
    }


def test_the_variables_are_settings() -> None:
    ours = settings_of("TAP_KAYZEN_")
    assert set(SETTINGS["required"]) <= ours <= set(SETTINGS["properties"])
    lock = ROOT / "plugins" / "loaders" / "target-postgres--meltanolabs.lock"
    known = {each["name"] for each in json.loads(lock.read_text("utf-8"))["settings"]}
    theirs = settings_of("TARGET_POSTGRES_")
    assert theirs <= known
    others = {"KAYZEN_STATE"}
    assert len(VARIABLES) == len(ours) + len(theirs) + len(others)
    assert others <= VARIABLES.keys()
    assert 'environ.get("KAYZEN_STATE")' in SCRIPT.read_text("utf-8")


def test_secrets_are_references_and_nothing_else_is() -> None:
    secret = {
        f"TAP_KAYZEN_{name}".upper()
        for name, definition in SETTINGS["properties"].items()
        if definition.get("secret") or name == "username"
    }
    references = {
        name: each["valueFrom"]["secretKeyRef"]
        for name, each in VARIABLES.items()
        if "value" not in each
    }
    url = "TARGET_POSTGRES_SQLALCHEMY_URL"
    assert references.keys() == {*(secret & VARIABLES.keys()), url}
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    for name, reference in references.items():
        created = (
            rf"create secret generic {reference['name']} .*#.*\b{reference['key']}\b"
        )
        assert re.search(created, page), name


def test_two_runs_never_overlap_and_some_failures_are_final() -> None:
    assert CRON_JOB["kind"] == "CronJob"
    assert CRON_JOB["spec"]["concurrencyPolicy"] == "Forbid"
    (rule,) = JOB["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    codes = rule["onExitCodes"]
    assert codes == {"containerName": "sync", "operator": "In", "values": [2]}
    assert CONTAINER["name"] == codes["containerName"]
    # Kubernetes rejects a failure policy with any other.
    assert POD["restartPolicy"] == "Never"
    assert POD["terminationGracePeriodSeconds"] == 120


@IN_A_CLONE
def test_the_container_matches_the_image() -> None:
    assert CONTAINER["args"] == ["--config", "ENV"]
    assert "command" not in CONTAINER
    assert 'ENTRYPOINT ["sync.py"]' in DOCKERFILE
    assert SCRIPT.stat().st_mode & 0o111 == 0o111
    base = (ROOT / "tools" / "container" / "Dockerfile").read_text("utf-8")
    for text in (base, DOCKERFILE):
        assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "10001:10001"
    context: dict[str, Any] = POD["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 10001
    own = CONTAINER["securityContext"]
    assert own["readOnlyRootFilesystem"] is True
    assert own["allowPrivilegeEscalation"] is False
    mounts = {each["name"]: each["mountPath"] for each in CONTAINER["volumeMounts"]}
    assert mounts == {"state": "/state", "tmp": "/tmp"}  # noqa: S108
    state, _ = POD["volumes"]
    assert state["persistentVolumeClaim"]["claimName"] == CLAIM["metadata"]["name"]
    assert VARIABLES["KAYZEN_STATE"]["value"] == "/state/state.json"


@IN_A_CLONE
def test_the_target_is_the_tested_one() -> None:
    lock = (ROOT / "tools" / "requirements" / "targets.txt").read_text("utf-8")
    (pinned,) = re.findall(r"^(meltanolabs-target-postgres==\S+)", lock, re.MULTILINE)
    assert pinned in DOCKERFILE
