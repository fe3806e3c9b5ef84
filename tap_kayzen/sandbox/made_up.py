"""Made-up values for fields with known types and formats only.

The fields are from an account report; docs/account-report.md has the format.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ABSENT = object()
"""Marks a field that a record does not have."""

HIDDEN = "(name not shown)"
"""Stands for a field whose name the report hides."""

FOLDED = "(many names)"
"""Stands for all fields of an object with too many names."""

FOLDED_NAMES = 60
"""Number of made-up names for `FOLDED`."""

DEFAULT_DAY = "20260131"
"""Date for values without one, as YYYYMMDD."""

ARRAY_ITEMS = 2
"""Number of items of a made-up array."""

_PIECE = re.compile(r"9+|(?<![A-Za-z])a(?![A-Za-z])")
_AMOUNT = re.compile(
    r"(?P<grouped>9([,' .])999)(?P<rest>[.,]99)?|9(?P<fraction>[.,]99)?"
)


@dataclass
class Shape:
    """Types and formats of the values of a field.

    Attributes:
        facts: The field as described in the account report.
        children: Shapes of the fields of objects.
        items: Shape of the items of arrays.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    children: dict[str, Shape] = field(default_factory=dict)
    items: Shape | None = None

    @cached_property
    def variants(self) -> list[tuple[str, str | None]]:
        """Types that values take in turn, each with the format of text, if known."""
        facts = self.facts
        forms = [*facts.get("shapes", ()), *facts.get("placeholders", ())]
        plain = not facts.get("shapes") or not facts.get("column")
        found: list[tuple[str, str | None]] = []
        for kind in facts.get("types", ()):
            if kind == "string":
                found += [(kind, form) for form in forms]
            if kind != "string" or plain:
                found.append((kind, None))
        found += [("null", None)] * bool(facts.get("null"))
        found += [("absent", None)] * bool(facts.get("absent"))
        return found or [("null", None)]


def shape_of(fields: Mapping[str, Mapping[str, Any]]) -> Shape:
    """Return the shape of rows.

    Args:
        fields: Facts about the fields by dotted name, such as ``tags[].id``.
    """
    root = Shape({"types": ["object"]})
    for name, facts in fields.items():
        node = root
        for part in _parts(name):
            if part == "[]":
                node.items = node.items or Shape({"types": []})
                node = node.items
            else:
                node = node.children.setdefault(part, Shape({"types": []}))
        node.facts = facts
    return root


def _parts(name: str) -> Iterator[str]:
    for part in name.split("."):
        plain = part.rstrip("[]")
        yield plain
        yield from ["[]"] * ((len(part) - len(plain)) // 2)


def row_like(shape: Shape, row: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Return a made-up record.

    Args:
        shape: Shape of the record.
        row: Another record; its values are kept where their types fit.
        place: Position in the list, which determines the types of values.
    """
    return _object(shape, row, place)


def _object(shape: Shape, given: object, place: int) -> dict[str, Any]:
    known = given if isinstance(given, dict) else {}
    made: dict[str, Any] = {}
    for name, child in shape.children.items():
        for number, each in enumerate(_names(name, child)):
            value = _value(child, known.get(each, ABSENT), place + number)
            if value is not ABSENT:
                made[each] = value
    return made


def _names(name: str, shape: Shape) -> list[str]:
    """Return the names of fields, made up if the report does not show them."""
    if name == FOLDED:
        return [
            f"made_up_{chr(97 + i // 26)}{chr(97 + i % 26)}"
            for i in range(FOLDED_NAMES)
        ]
    if name != HIDDEN:
        return [name]
    # One name for each type, unless the field is sometimes absent.
    count = 1 if shape.facts.get("absent") else len(shape.variants)
    return [f"made up {number}" for number in range(count)]


def _value(shape: Shape, given: object, place: int) -> Any:  # noqa: ANN401
    kind, form = shape.variants[place % len(shape.variants)]
    if kind == "absent":
        return ABSENT
    if kind == "null":
        return None
    # Otherwise, nested values would change types in step with their parent.
    turn = place // len(shape.variants)
    if kind == "object":
        return _object(shape, given, turn)
    if kind == "array":
        return _array(shape, given, turn)
    if form is not None:
        return format_like(form, given, place)
    return given if type_of(given) == kind else _converted(kind, given, place)


def _converted(kind: str, given: object, place: int) -> Any:  # noqa: ANN401
    """Return a value converted to another type, or a made-up one."""
    if kind == "boolean":
        return place % 2 == 0
    number = Decimal(str(given)) if is_number(given) else None
    if kind == "string":
        return f"made up {place}" if number is None else str(given)
    if kind == "integer":
        return place + 1 if number is None else int(number)
    # Without a fraction, JSON would have an integer.
    return (place if number is None else number) + Decimal("0.0")


def _array(shape: Shape, given: object, place: int) -> list[Any]:
    if shape.items is None:
        return []
    known = given if isinstance(given, list) and given else [ABSENT] * ARRAY_ITEMS
    # At least one item for each type.
    wanted = max(len(known), len(shape.items.variants))
    known = [*known, *[ABSENT] * (wanted - len(known))]
    values = [_value(shape.items, each, place + i) for i, each in enumerate(known)]
    return [value for value in values if value is not ABSENT]


def type_of(value: object) -> str:
    """Return the JSON type of a value."""
    if isinstance(value, bool):
        return "boolean"
    types: dict[type, str] = {
        int: "integer",
        Decimal: "number",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
    }
    return types.get(type(value), "null")


def format_like(form: str, given: object, place: int) -> str:
    """Return a value as text.

    Args:
        form: Format, such as ``$9,999.99`` or ``99/99/9999``.
        given: A number or date to format; made up if it does not fit.
        place: Position in the list, for made-up digits.
    """
    if is_number(given) and (amount := _AMOUNT.search(form)):
        text = _amount(amount, abs(Decimal(str(given))))
        return form[: amount.start()] + text + form[amount.end() :]
    digits = re.sub(r"\D", "", given) if isinstance(given, str) else ""
    digits = digits if len(digits) >= len(DEFAULT_DAY) else DEFAULT_DAY
    year, month, day = digits[:4], digits[4:6], digits[6:8]
    midnight = "00" if "9999" in form else ""
    short = iter((month, day) if form.startswith("9999") else (day, month))

    def filled(piece: re.Match[str]) -> str:
        nines = piece[0]
        if nines == "a":
            return "word"
        known = year if len(nines) == len("9999") else next(short, midnight)
        return known if len(known) == len(nines) else _digits(nines, place)

    return _PIECE.sub(filled, form)


def is_number(value: object) -> bool:
    """Return whether a value is a number, possibly as text."""
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", str(value)))


def _digits(nines: str, place: int) -> str:
    """Return as many digits as there are nines, without a leading zero."""
    return str(10 ** (len(nines) - 1) + place % 9)[-len(nines) :]


def _amount(form: re.Match[str], amount: Decimal) -> str:
    """Format an amount, without the text around it."""
    fraction = form["rest"] or form["fraction"]
    if not form["grouped"]:
        whole = f"{amount:.2f}" if fraction else f"{amount:.0f}"
        return whole.replace(".", fraction[0]) if fraction else whole
    # An amount below 1,000 would have no groups.
    amount = amount if amount >= 1000 else amount + 1000  # noqa: PLR2004
    whole, _, cents = f"{amount:,.2f}".partition(".")
    whole = whole.replace(",", form[2])
    return f"{whole}{fraction[0]}{cents}" if fraction else whole
