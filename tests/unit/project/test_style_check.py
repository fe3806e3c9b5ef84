"""The check of docs/style.md finds each fault, and the repository has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import style_check
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

RULES = style_check.rules(style_check.GUIDE.read_text(encoding="utf-8"))
LONG = "one two three four five " * 5 + "six"


def faults(tmp_path: Path, name: str, text: str) -> list[str]:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return list(style_check.check(tmp_path, RULES))


def test_this_repository_has_no_faults() -> None:
    assert list(style_check.check(ROOT, RULES)) == []


def test_every_row_of_the_guide_is_a_rule() -> None:
    guide = style_check.GUIDE.read_text(encoding="utf-8")
    for title, rules in zip(RULES._fields, RULES, strict=True):
        name = {"anywhere": "Words"}.get(title, title.capitalize())
        section = guide.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        table = section.partition("|---|---|\n")[2].partition("\n\n")[0]
        assert len({*rules.values()}) == len(table.strip().splitlines())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("# A\n\nRead anew.\n", '3: "anew": use "again"'),
        ("Written\nanew, it waits till\nthen.\n", '2: "anew": use "again"'),
        ("Read once\nmore.\n", '1: "once more": use "again"'),
        (
            "- One item\n- Of which one\n",
            '2: "Of which": use "whose, or two sentences"',
        ),
        ("| A | B |\n|---|---|\n| Till | 1 |\n", '3: "Till": use "until"'),
        ("## How fast it is\n", '1: "How": use "a noun or a task"'),
        ("## No message, but\n", '1: "No message, but": use "a noun or a task"'),
        (
            f"Short. {LONG.capitalize()}.\n",
            '1: "One two three four five one …": use "at most 25 words a sentence"',
        ),
        (
            f"| {LONG} |\n",
            '1: "one two three four five one …": use "at most 25 words a cell"',
        ),
    ],
)
def test_faults_in_a_page_are_found(text: str, fault: str, tmp_path: Path) -> None:
    assert f"docs/page.md:{fault}" in faults(tmp_path, "docs/page.md", text)


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nread anew\n```\n",
        "Indented:\n\n    read anew\n",
        'The message `read anew`, or "read\nanew" in [a list](anew.md).\n',
        "See https://example.com/anew and [a page][anew].\n\n[anew]: anew.md\n",
        "<!-- Read anew. -->\n",
        "Side by side, until the end.\n",
        "## How fast is it?\n",
        "What it returns is a page.\n",
        f"{LONG.replace(' four', '. Four')}.\n",
        f"- {LONG[:60]}\n- {LONG[:60]}\n- {LONG[:60]}\n",
        f"`{LONG}`\n",
        f"<!-- begin table -->\n| {LONG} |\n<!-- end table -->\n",
    ],
)
def test_code_quotes_and_good_style_are_not_faults(text: str, tmp_path: Path) -> None:
    assert faults(tmp_path, "docs/page.md", text) == []


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ('"""Reads pages anew."""\n', '1: "anew": use "again"'),
        ('def f():\n    """Give the page."""\n', '2: "Give": use "Return the …"'),
        ('def f():\n    """Tell if so."""\n', '2: "Tell": use "Check whether …"'),
        ('class A:\n    """What reads."""\n', '2: "What": use "a noun or a verb"'),
        ('A = 1\n"""Where it is."""\n', '2: "Where": use "a noun or a verb"'),
        ('"""A.\n\nReads it\nanew.\n"""\n', '4: "anew": use "again"'),
        ("A = 1\n# Read it\n# once\n# more.\n", '3: "once more": use "again"'),
        ('"""No period"""\n', '1: "No period …": use "one sentence with a period"'),
        (
            f'"""{"Word " * 20}."""\n',
            '1: "Word Word Word Word Word Word …": use "at most 80 characters"',
        ),
    ],
)
def test_faults_in_a_module_are_found(code: str, fault: str, tmp_path: Path) -> None:
    assert faults(tmp_path, "tap_kayzen/a.py", code) == [f"tap_kayzen/a.py:{fault}"]


def test_code_and_its_output_are_not_faults(tmp_path: Path) -> None:
    code = '"""Reads `anew`."""\n\ndef anew():\n    """Give up."""\n    print("anew")\n'
    assert faults(tmp_path, "tools/a.py", code) == []


def test_faults_in_descriptions_are_found(tmp_path: Path) -> None:
    text = (
        '{\n  "anew": {"title": "anew", "description": "Set it \\"anew\\" anew."}\n}\n'
    )
    name = "tap_kayzen/schemas/a.json"
    assert faults(tmp_path, name, text) == [f'{name}:2: "anew": use "again"']


def test_the_command_fails_if_there_are_faults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(style_check, "ROOT", tmp_path)
    for text, code in [("Fine.\n", 0), ("Read anew.\n", 1)]:
        (tmp_path / "README.md").write_text(text, encoding="utf-8")
        with pytest.raises(SystemExit) as caught:
            style_check.main()
        assert caught.value.code == code
    assert capsys.readouterr().out == 'README.md:1: "anew": use "again"\n'
