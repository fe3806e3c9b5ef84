"""The comparison of loaded rows hides no loss."""

from __future__ import annotations

from decimal import Decimal

import landing
import pytest
from landing import difference


@pytest.mark.parametrize(
    ("kind", "sent", "landed"),
    [
        ("boolean", False, "false"),
        ("boolean", True, "1"),
        ("number", Decimal("1.50"), "1.5"),
        ("array", ["a", 1], '["a", 1]'),
        ("date-time", "2026-09-01T00:00:00.000Z", "2026-09-01 00:00:00+00:00"),
        ("string", "null", "null"),
    ],
)
def test_another_spelling_is_not_a_difference(
    kind: str, sent: object, landed: object
) -> None:
    assert difference(kind, sent, landed) is None


@pytest.mark.parametrize(
    ("kind", "sent", "landed", "what"),
    [
        ("boolean", False, "", landing.OTHER),
        ("boolean", True, "f", landing.OTHER),
        (
            "number",
            Decimal("12345678901234.123456"),
            "12345678901234.123",
            landing.DIGITS,
        ),
        ("number", Decimal("1.5"), "1.4", landing.OTHER),
        ("array", ["a"], "['a']", landing.NESTED),
        ("array", ["a", "b"], '["a"]', landing.OTHER),
        ("date-time", "2026-09-01T00:00:00.000Z", "2026-09-01 02:00", landing.OTHER),
        ("string", "a\0b", "a\ufffdb", landing.NUL),
        ("string", "a\0b", "a", landing.OTHER),
        ("string", "a\nb", "a\\nb", landing.BREAKS),
        ("string", "null", None, landing.OTHER),
        ("string", "", None, landing.EMPTY),
        ("string", None, "", landing.NULL),
        ("array", [], None, landing.OTHER),
    ],
)
def test_each_loss_has_its_name(
    kind: str, sent: object, landed: object, what: str
) -> None:
    assert (difference(kind, sent, landed) or "").startswith(what)
