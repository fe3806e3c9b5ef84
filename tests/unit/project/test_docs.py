"""What README.md and docs/ say is so, and their links lead somewhere."""

from __future__ import annotations

import ast
import json
import re
from datetime import date
from functools import cache
from string import Formatter
from typing import TYPE_CHECKING

import docs_pages
import pytest
import stream_docs
from project import DEFAULT_REPORTS
from support import ROOT, SAMPLE_CONFIG, sync

from tap_kayzen.config.settings import SETTINGS
from tap_kayzen.reports.definition import Report
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.server import running
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
TROUBLE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^\| `(.*?)` \|", TROUBLE, re.MULTILINE)
EDGES = " :;,.()"
"""What may stand between two texts of a message."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_tables_of_settings_and_columns_are_those_of_the_code(path: Path) -> None:
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


@cache
def texts() -> set[str]:
    """Give all literal texts of the tap's code, docstrings aside."""
    nodes = [
        node
        for path in sorted((ROOT / "tap_kayzen").rglob("*.py"))
        if "sandbox" not in path.relative_to(ROOT).parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    remarks = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    return {
        node.value.strip(EDGES)
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in remarks
    } - {""}


def is_said(message: str) -> bool:
    """Tell whether a message can be put together of the texts of the code.

    In the message, an ellipsis or a number stands for what differs.
    """
    return all(is_made_of_texts(part) for part in re.split(r"…|\d+", message))


def is_made_of_texts(part: str, *, is_first: bool = True) -> bool:
    """Tell whether a part is in one text, or ends one, has whole ones, begins one."""
    part = part.strip(EDGES)
    if not part or any(
        part in text if is_first else text.startswith(part) for text in texts()
    ):
        return True
    ends = {
        size
        for size in range(1, len(part))
        if part[:size].strip(EDGES) in texts()
        or (is_first and any(text.endswith(part[:size]) for text in texts()))
    }
    return any(is_made_of_texts(part[size:], is_first=False) for size in ends)


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_explained_is_one_of_the_tap(message: str) -> None:
    assert is_said(message)


def test_a_message_that_is_none_of_the_tap_would_be_found() -> None:
    assert len(MESSAGES) > 40
    assert not is_said("Kayzen denied the login pair (HTTP 401); check …")
    assert not is_said("… is absent: set it in the config file")


def test_the_stream_that_shows_how_to_add_one_is_so() -> None:
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
    """Give the JSON of a page that begins with an object's first key."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (block,) = re.findall(
        rf'^```json\n(\{{\s*"{first}".*?)^```', text, re.MULTILINE | re.DOTALL
    )
    return json.loads(block)


def test_the_record_shown_is_what_comes_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = json_block("README.md", "type")
    dataset = Dataset(campaigns=50, seed=1)
    dataset.today = date.fromisoformat(shown["time_extracted"][:10])
    day = shown["record"]["day"]
    with running(create_app(dataset, Access(Credentials()))) as url:
        config = {**SAMPLE_CONFIG, "api_url": url, "start_date": day, "end_date": day}
        run = sync(config, capsys, streams=[shown["stream"]])
    assert shown["record"] in run.records


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


def targets(path: Path) -> list[str]:
    text = re.sub(
        r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", text)


def anchors(path: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings
    }


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="a package does not hold all that is linked"
)
@pytest.mark.parametrize("path", MARKDOWN, ids=name)
def test_no_link_is_dead(path: Path) -> None:
    for target in targets(path):
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.is_relative_to(ROOT)
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("page_name", ["reliability", "security", "upgrading"])
def test_the_tests_that_a_page_names_are_there(page_name: str) -> None:
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
