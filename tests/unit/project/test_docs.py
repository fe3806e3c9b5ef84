"""Facts and links of README.md and docs/ are right."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from string import Formatter
from typing import TYPE_CHECKING

import docs_pages
import pytest
import stream_docs
from project import DEFAULT_REPORTS
from support import ROOT, SAMPLE_CONFIG

from tap_kayzen.config.settings import SETTINGS
from tap_kayzen.reports.definition import Report
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

DOCS = sorted((ROOT / "docs").glob("*.md"))
FOLDERS = ("tools/benchmarks", "docs", "examples", "plugins")
MARKDOWN = sorted(
    [
        *ROOT.glob("*.md"),
        *(path for name in FOLDERS for path in (ROOT / name).rglob("*.md")),
    ]
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_tables_of_settings_and_columns_match_the_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert docs_pages.regenerated(text) == text, "run `make docs-pages`"


def test_every_setting_and_stream_has_its_place() -> None:
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for setting in SETTINGS["properties"]:
        assert f"\n### `{setting}`\n" in settings
    streams = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
    tap = TapKayzen(config={**SAMPLE_CONFIG, "audience_api_key": "key"})
    assert re.findall(r"^## `(.*)`$", streams, re.MULTILINE) == sorted(tap.streams)
    assert stream_docs.ABOUT.keys() == tap.streams.keys()
    legend = streams.split("\n## Evidence\n")[1].split("<!-- begin")[0]
    terms = re.findall(r"^\| (\w[\w ]*) \| ", legend, re.MULTILINE)
    assert {*terms} == {about.evidence for about in stream_docs.ABOUT.values()} | {
        "Evidence"
    }


def test_the_example_of_adding_a_stream_matches_the_code() -> None:
    page = (ROOT / "docs" / "adding-a-stream.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "tap_kayzen").rglob("*")
        if path.suffix in {".py", ".json"}
    )
    assert all(block in code for block in blocks)


def json_block(page: str, first: str) -> Any:  # noqa: ANN401
    """Return the JSON block of a page whose first key is `first`."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (block,) = re.findall(
        rf'^```json\n(\{{\s*"{first}".*?)^```', text, re.MULTILINE | re.DOTALL
    )
    return json.loads(block)


def test_the_state_shown_is_of_the_default_report() -> None:
    shown = json_block("docs/state.md", "bookmarks")
    (bookmark,) = shown["bookmarks"].values()
    parts = Report.from_config(DEFAULT_REPORTS[0]).fingerprint
    assert len(parts) == 5
    assert bookmark["fingerprint"].items() <= parts.items()


def test_the_page_of_targets_has_the_words_of_its_template() -> None:
    template = (ROOT / "tools" / "targets_template.md").read_text(encoding="utf-8")
    words = "".join(
        re.escape(text) + (".*" if name else "")
        for text, name, _, _ in Formatter().parse(template)
    )
    page = (ROOT / "docs" / "targets.md").read_text(encoding="utf-8")
    assert re.fullmatch(words, page, re.DOTALL)


@pytest.mark.parametrize("path", MARKDOWN, ids=name)
def test_every_table_has_a_head(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    for before, line in pairwise(lines):
        if re.fullmatch(r"\|(\s*-+\s*\|)+", line):
            assert before.startswith("|"), line


def targets(path: Path) -> list[str]:
    text = re.sub(
        r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", text)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub generates them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings
    }


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="a package does not hold all that is linked"
)
@pytest.mark.parametrize("path", MARKDOWN, ids=name)
def test_no_link_is_broken(path: Path) -> None:
    for target in targets(path):
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.is_relative_to(ROOT)
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("page_name", ["reliability", "security", "upgrading"])
def test_the_tests_named_in_a_page_exist(page_name: str) -> None:
    page = (ROOT / "docs" / f"{page_name}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    tests = (ROOT / "tests").rglob("test_*.py")
    defined = {
        test
        for path in tests
        for test in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))
    }
    assert named
    assert named <= defined, named - defined


def test_every_threat_has_a_mitigation_and_a_test() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    threats = page.split("\n## Threats\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?!Threat)(.+) \| (.+) \| (.+) \|$", threats, re.MULTILINE)
    assert len(rows) > 30
    assert [threat for threat, _, tests in rows if "`test_" not in tests] == []
