"""Installed and published files are locked, pinned, and attested."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

LOCKS = sorted((ROOT / "tools" / "requirements").glob("*.txt"))
REQUIREMENT = re.compile(r"[\w.-]+(?:\[[\w,.-]+\])?==\S+(?: ; [^\\]+)?", re.ASCII)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
needs_clone = pytest.mark.skipif(
    not WORKFLOWS, reason="a package holds no locks and workflows"
)


def unhashed(lock: str) -> list[str]:
    """Return the requirements of a lock that are not pinned to files by hashes."""
    whole = lock.replace("\\\n", " ")
    lines = [line for line in whole.splitlines() if line and line[0] not in "# "]
    return [
        line for line in lines if not REQUIREMENT.match(line) or not HASH.search(line)
    ]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_locked_package_has_hashes(path: Path) -> None:
    lock = path.read_text(encoding="utf-8")
    assert "--hash=sha256:" in lock
    assert unhashed(lock) == []


@pytest.mark.parametrize(
    "line", ["x==1", "x>=1 \\\n    --hash=sha256:" + "0" * 64, "https://x.test/x.whl"]
)
def test_a_package_without_hashes_would_be_found(line: str) -> None:
    assert unhashed(line) != []


def steps(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return [step for job in jobs for step in job.get("steps", [])]


@needs_clone
def test_every_action_is_pinned_to_a_commit() -> None:
    used = [
        step["uses"] for path in WORKFLOWS for step in steps(path) if "uses" in step
    ]
    assert len(used) > 10
    assert [each for each in used if not re.fullmatch(r"\S+@[0-9a-f]{40}", each)] == []


@needs_clone
def test_locks_are_installed_with_their_hashes() -> None:
    """uv always checks hashes; pip does if every requirement has one."""
    dockerfile, makefile = (
        (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "")
        for name in ("tools/container/Dockerfile", "Makefile")
    )
    installs = [
        line
        for line in f"{dockerfile}\n{makefile}".splitlines()
        if "pip" in line and "install" in line and "requirements/" in line
    ]
    assert len(installs) >= 4
    assert [
        line
        for line in installs
        if "--require-hashes" not in line and "$(UV) pip" not in line
    ] == []
    assert "no-verify-hashes" not in dockerfile + makefile


@needs_clone
def test_a_release_attests_its_files_and_their_sbom() -> None:
    attested = [
        step["with"]
        for step in steps(ROOT / ".github" / "workflows" / "release.yml")
        if step.get("uses", "").startswith("actions/attest@")
    ]
    assert attested == [
        {"subject-path": "dist/*"},
        {"subject-path": "dist/*", "sbom-path": "sbom/tap-kayzen.cdx.json"},
    ]
