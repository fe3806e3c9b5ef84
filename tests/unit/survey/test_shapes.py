"""Names and texts are described without what they say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_kayzen.survey.shapes import (
    HIDDEN,
    MAX_SHAPE_CHARS,
    PLACEHOLDERS,
    WORDS,
    NameGuard,
    text_shape,
)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("12.5", "9.99"),
        ("10000.50", "9.99"),
        ("-3", "-9"),
        (".5", ".99"),
        ("$1,234,567.8", "$9,999.99"),
        ("9,999.99", "9,999.99"),
        ("1.234.567,89", "9.999,99"),
        ("1 234,5", "9 999,99"),
        ("1'234.50 CHF", "9'999.99 a"),
        ("12,5", "9,99"),
        ("85.5 %", "9.99 %"),
        ("99%", "9%"),
        ("1e-05", "9a-9"),
        ("GMT 5", "GMT 9"),
        ("N/A", "N/A"),
        (" Total ", "Total"),
        ("", ""),
        ("Acme Corp. 2024", "a a. 9"),
        ("a|b`c<d>", "a?a?a?a?"),
    ],
)
def test_a_number_shows_how_it_is_written_and_not_how_large_it_is(
    text: str, shape: str
) -> None:
    assert text_shape(text, is_number=True) == shape


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("2026-11-02", "9999-99-99"),
        ("2026-11-02T10:00:00.123456Z", "9999-99-99T99:99:99.999Z"),
        ("2026-11-02 10:00:00 UTC", "9999-99-99 99:99:99 UTC"),
        ("2026-11-02T10:00:00+01:00", "9999-99-99T99:99:99+99:99"),
        ("11/2/2026", "99/9/9999"),
        ("02.11.2026", "99.99.9999"),
        ("2 Nov 2026", "9 a 9999"),
        ("Total", "Total"),
    ],
)
def test_a_date_shows_how_it_is_written(text: str, shape: str) -> None:
    assert text_shape(text, is_number=False) == shape


@given(text=st.text(), is_number=st.booleans())
def test_a_shape_has_no_digit_except_9_and_no_word_of_the_text(
    text: str, *, is_number: bool
) -> None:
    shape = text_shape(text, is_number=is_number)
    if shape not in PLACEHOLDERS:
        assert len(shape) <= MAX_SHAPE_CHARS
        assert set(re.findall(r"\d", shape)) <= {"9"}
        assert set(re.findall(r"[^\W\d_]+", shape)) <= {"a", *WORDS}


@pytest.mark.parametrize(
    "name", ["id", "day_7_revenue", "unique_users_v2", "createdAt", "_x", "os-version"]
)
def test_names_of_fields_are_shown(name: str) -> None:
    assert NameGuard()(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "135019", "c_135019", "ana@example.com", "Puzzle Isle", "Café", "a.b"),
        *("5f1d7e3a9b", "deadbeefdeadbeef", "a1B2c3D4e5F6g7H8i9J0", "x" * 65, "2026"),
    ],
)
def test_names_that_may_be_values_are_hidden(name: str) -> None:
    assert NameGuard()(name) == HIDDEN


def test_secrets_and_private_texts_are_hidden_in_names() -> None:
    guard = NameGuard(lambda text: text.replace("s3cret", "***"), ["jane_doe", "x"])
    assert guard("my_s3cret_key") == HIDDEN
    assert guard("of_jane_doe") == HIDDEN
    assert guard("x_ratio") == "x_ratio"


@given(st.text())
def test_what_is_shown_is_a_plain_name(name: str) -> None:
    shown = NameGuard()(name)
    assert shown == HIDDEN or (shown == name and re.fullmatch(r"[A-Za-z_][\w-]*", name))
