"""Made-up values have the shape that a report says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_kayzen.sandbox.made_up import format_like, row_like, shape_of
from tap_kayzen.survey.observe import Fields
from tap_kayzen.survey.shapes import NameGuard, text_shape

PLACES = st.integers(0, 10_000)
AMOUNTS = st.decimals(0, 10**9, places=6)
FORMS = [
    *("9.99", "9", "$9,999.99", "$9.99", "9.999,99", "9 999,99", "9%", "-9", "9.99 a"),
    *("(9,999)", "a 9", "9a-9", "N/A", "Total", "", "none", "a a"),
]


@given(st.sampled_from(FORMS), AMOUNTS | st.integers(0, 10**9) | st.none(), PLACES)
def test_amounts_are_written_in_the_form(
    form: str, amount: Decimal | int | None, place: int
) -> None:
    assert text_shape(format_like(form, amount, place), is_number=True) == form


@given(
    st.sampled_from(
        [
            *("9999-99-99", "9999-99-99T99:99:99Z", "9999-99-99 99:99:99 UTC"),
            *("99/99/9999", "9999/99/99", "9 a 9999", "99.99.9999", "99999999"),
        ]
    ),
    st.dates().map(str) | st.none(),
    PLACES,
)
def test_days_are_written_in_the_form(form: str, day: str | None, place: int) -> None:
    assert text_shape(format_like(form, day, place), is_number=False) == form


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("9999-99-99T99:99:99Z", "2026-11-02T00:00:00Z"),
        ("99/99/9999", "02/11/2026"),
        ("9999/99/99", "2026/11/02"),
    ],
)
def test_a_day_stays_the_same_day(form: str, text: str) -> None:
    assert format_like(form, str(date(2026, 11, 2)), 7) == text


def test_an_amount_stays_the_same_amount() -> None:
    assert format_like("$9,999.99", Decimal("4321.5"), 7) == "$4,321.50"
    assert format_like("9.99", 12, 7) == "12.00"


NAMES = st.sampled_from(["a", "b", "c_d"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False).filter(
        lambda number: number != int(number)
    )
    | st.text()
)
ROWS = st.lists(
    st.dictionaries(
        NAMES, SCALARS | st.dictionaries(NAMES, SCALARS, min_size=1), max_size=3
    ),
    min_size=1,
    max_size=6,
)


@given(ROWS)
def test_made_up_rows_have_the_fields_of_the_rows_described(
    rows: list[dict[str, object]],
) -> None:
    def fields_of(rows: list[dict[str, object]]) -> dict[str, dict[str, object]]:
        fields = Fields(NameGuard())
        for row in rows:
            fields.add(row)
        return fields.describe()

    known = fields_of(rows)
    shape = shape_of(known)
    # As many as it takes for each field to have had all of its types.
    made = fields_of([row_like(shape, {}, place) for place in range(5_040 // 42)])
    assert {name: facts["types"] for name, facts in made.items()} == {
        name: facts["types"] for name, facts in known.items()
    }
