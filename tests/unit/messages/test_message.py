"""Texts of messages: placeholders, their rows in the docs, and a test for each."""

from __future__ import annotations

import re
from functools import cache

import docs_pages
import pytest
from support import ROOT, contains

from tap_kayzen.messages.message import Message, Text

MESSAGES = {
    f"{module.__name__.rpartition('.')[2]}.{name}": message
    for module in docs_pages.MESSAGES.values()
    for name, message in docs_pages.messages_in(module).items()
}
"""All messages by module and name, such as ``login_messages.NO_API``."""

TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


@cache
def code_of_tests() -> str:
    """Return the code of all tests but these."""
    return "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path.parent.name != "messages"
    )


def is_tested(name: str) -> bool:
    """Return whether a test refers to a message, with or without its module."""
    module, _, constant = name.rpartition(".")
    is_imported = rf"import \(?[^)]*?\b{constant}\b"
    return bool(
        re.search(rf"\b{module}\.{constant}\b", code_of_tests())
        or re.search(rf"messages\.{module} {is_imported}", code_of_tests())
    )


def test_a_message_has_values_in_its_text_and_an_ellipsis_in_docs() -> None:
    message = Message("{count:,} of {{all}} `{name}`", cause="x", action="y")
    assert message(count=1200, name="a{b}") == "1,200 of {all} `a{b}`"
    assert message.pattern == "… of {all} `…`"
    assert Text("such as {value}{row}").pattern == "such as …"
    assert Text("no values")() == "no values"


def test_every_module_of_messages_is_a_section_of_the_page() -> None:
    folder = ROOT / "tap_kayzen" / "messages"
    modules = {path.stem for path in folder.glob("*_messages.py")}
    assert {name.partition(".")[0] for name in MESSAGES} == modules
    for section in docs_pages.MESSAGES:
        assert f"<!-- begin messages-{section} " in TROUBLESHOOTING


def test_no_two_messages_are_the_same() -> None:
    texts = [message.text for message in MESSAGES.values()]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_is_provoked_by_a_test(name: str) -> None:
    assert is_tested(name)


def test_a_message_without_a_test_is_found() -> None:
    assert not is_tested("login_messages.NO_SUCH_MESSAGE")


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_every_message_is_one_line_that_is_brief_in_the_docs(message: Message) -> None:
    assert "\n" not in message.text
    assert message.text == message.text.strip()
    for cell in (message.cause, message.action):
        assert cell
        assert len(cell.split()) <= 25
        assert not cell.endswith(".")


def test_a_text_is_found_in_a_line_regardless_of_its_values() -> None:
    message = Text("row {number} (of {total}) is odd")
    assert contains("campaigns: row 7 (of 9) is odd; look", message)
    assert not contains("campaigns: row 7 (of 9) is even", message)
