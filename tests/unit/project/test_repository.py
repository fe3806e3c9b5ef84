"""The repository has no secrets, and git ignores files that may have some."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml
from support import ROOT, SAMPLE_CONFIG
from watchdog import finished

from tap_kayzen.output.redaction import SECRET_SETTINGS
from tap_kayzen.sandbox.access import Credentials

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists() or not shutil.which("git"),
    reason="not a clone of the repository",
)

SHAPES = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "JSON web token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub": r"\b(?:gh[pousr]_\w{36}|github_pat_\w{22,})",
    "GitLab": r"\bglpat-[\w-]{20}",
    "PyPI": r"\bpypi-AgE[\w-]{50,}",
    "Slack": r"\bxox[abprs]-[\w-]{10,}",
    "Google": r"\bAIza[\w-]{35}\b",
    "bearer": r"\b(?:Bearer|Basic) (?=[A-Za-z]*\d)[\w+/=.-]{24,}",
}
SAMPLES = {
    "private key": "-----BEGIN RSA {}PRIVATE KEY-----",
    "JSON web token": "eyJ{}hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3.c2lnbmF0dXJl",
    "AWS": "AKIA{}IOSFODNN7EXAMPLE",
    "GitHub": "ghp_{}" + 36 * "a",
    "GitLab": "glpat-{}" + 20 * "a",
    "PyPI": "pypi-{}AgE" + 50 * "a",
    "Slack": "xoxb-{}1234567890",
    "Google": "AIza{}" + 35 * "a",
    "bearer": "Bearer {}0123456789abcdef0123456789abcdef",
}
"""A sample per shape, with a gap so that this file itself has no secret."""

VALUE = re.compile(
    rf"(?:\b|_)(?:{'|'.join(SECRET_SETTINGS)})[\"']?[ \t]*[:=][ \t]*([^\s,}}].*)",
    re.IGNORECASE,
)
PUBLIC = {"...", *(SAMPLE_CONFIG.get(name) for name in SECRET_SETTINGS)}
CONFIGS = (".json", ".yaml", ".yml", ".toml", ".md", ".env")


def git(*arguments: str, given: str = "") -> list[str]:
    done = finished(["git", *arguments], cwd=ROOT, given=given)
    return done.stdout.splitlines()


def test_the_sample_has_the_sandboxs_login_and_no_other() -> None:
    theirs = Credentials()
    for name in ("username", "password", "api_key", "api_secret"):
        assert SAMPLE_CONFIG[name] == getattr(theirs, name)
    assert SAMPLE_CONFIG["api_url"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.prod",
        "config.json",
        "config.prod.json",
        "config-prod.json",
        "prod.config.json",
        "state.json",
        "state-2026.json",
        "campaigns.state.json",
        "prod.secrets.json",
        "output/campaigns.jsonl",
        "examples/dagster/.env",
    ],
)
def test_git_ignores_files_of_secrets_and_state(name: str) -> None:
    assert git("check-ignore", "--no-index", name) == [name]


def test_no_ignored_file_is_tracked() -> None:
    assert git("ls-files", "--cached", "--ignored", "--exclude-standard") == []


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shapes_of_secrets_are_known(shape: str) -> None:
    assert re.search(SHAPES[shape], SAMPLES[shape].format(""))
    assert not re.search(SHAPES[shape], SAMPLES[shape])


@pytest.mark.parametrize(
    "line",
    ['"api_key": "a b",', "api_secret: a b", "TAP_KAYZEN_PASSWORD='a b'"],
)
def test_the_values_of_secret_settings_are_found(line: str) -> None:
    assert [value.strip(" \"',") for value in VALUE.findall(line)] == ["a b"]


def test_no_file_contains_a_secret() -> None:
    names = git("ls-files")
    assert "sample_config.json" in names
    found = []
    for name in names:
        path = ROOT / name
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [
            (name, shape)
            for shape, pattern in SHAPES.items()
            if re.search(pattern, text)
        ]
        if name.endswith(CONFIGS):
            found += [
                (name, value)
                for value in VALUE.findall(text)
                # A brace begins the description of a setting.
                if value.strip(" \"',") not in {*PUBLIC, "{"}
            ]
    assert found == []


def test_the_map_explains_every_entry_of_the_root() -> None:
    page = (ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.partition("## Map\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| `([^`]+?)/?` \|", section, re.MULTILINE)
    top = sorted({name.partition("/")[0] for name in git("ls-files")})
    assert sorted(explained) == top
    assert len(top) <= 16


def test_secrets_are_looked_for_before_each_commit() -> None:
    hooks = yaml.safe_load((ROOT / "tools" / "pre-commit.yaml").read_text())
    (scanner, _) = hooks["repos"]
    assert scanner["hooks"] == [{"id": "gitleaks"}]
    assert re.fullmatch(r"v\d+\.\d+\.\d+", scanner["rev"])


def modules() -> list[Path]:
    return sorted(path for path in (ROOT / "tap_kayzen").rglob("*.py"))


def test_no_two_modules_have_the_same_name() -> None:
    names = [path.name for path in modules() if path.name != "__init__.py"]
    assert len(set(names)) == len(names)


def test_no_module_has_more_than_300_lines() -> None:
    long = [path for path in modules() if len(path.read_text().splitlines()) > 300]
    assert long == []
