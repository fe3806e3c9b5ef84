"""Describes the fields of rows: names, types, and nulls, but not values."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_kayzen.records.values import LossyError, converter_to
from tap_kayzen.survey.shapes import HIDDEN, PLACEHOLDERS, is_field_name, text_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Row = dict[str, Any]
    Column = Mapping[str, Any]

FOLDED = "(many names)"
"""Replaces the keys of an object with too many to be field names."""

MAX_NAMES = 40
"""Maximum number of undocumented keys per object before they are folded."""

MAX_DEPTH = 6
"""Maximum nesting depth to describe."""

MAX_SHAPES = 5
"""Maximum number of shapes per column."""

NUMBERS = ("integer", "number")


def type_of(value: object) -> str:
    """Return the JSON type of a decoded value."""
    if value is None:
        return "null"
    for kinds, name in (
        (bool, "boolean"),
        (int, "integer"),
        ((Decimal, float), "number"),
        (str, "string"),
        (list, "array"),
    ):
        if isinstance(value, kinds):
            return name
    return "object"


def column_type(column: Column) -> str:
    """Return the documented type of a column, or the format of a string."""
    declared = column.get("type", [])
    types = [declared] if isinstance(declared, str) else declared
    name = next((each for each in types if each != "null"), "any")
    return str(column.get("format", name)) if name == "string" else name


@dataclass
class Node:
    """Statistics of all values with the same name.

    Attributes:
        column: JSON Schema of the column, if documented.
        count: Number of values, including nulls.
        nulls: Number of nulls.
        objects: Number of objects, which is the maximum `count` of children.
        unreadable: Number of values that do not fit the type of the column.
        types: JSON types of the values.
        shapes: Formats of strings in columns of other types, such as ``9.99``.
        placeholders: Strings that stand for missing values, such as ``N/A``.
        children: Statistics of nested fields, by name.
        items: Statistics of array items.
    """

    column: Column | None = None
    count: int = 0
    nulls: int = 0
    objects: int = 0
    unreadable: int = 0
    types: set[str] = field(default_factory=set)
    shapes: dict[str, None] = field(default_factory=dict)
    placeholders: set[str] = field(default_factory=set)
    children: dict[str, Node] = field(default_factory=dict)
    items: Node | None = None


class Fields:
    """Collects statistics of the fields of rows."""

    def __init__(
        self,
        guard: Callable[[str], str],
        columns: Mapping[str, Column] | None = None,
        *,
        with_placeholders: bool = False,
    ) -> None:
        """Initialize without rows.

        Args:
            guard: Returns the given name if it can be shown, or `HIDDEN`.
            columns: JSON Schemas of the documented columns.
            with_placeholders: Whether to collect strings that stand for missing values.
                In some lists, these are ordinary words.
        """
        self._guard = guard
        self._columns = columns or {}
        self._with_placeholders = with_placeholders
        self._root = Node()

    @property
    def rows(self) -> int:
        """Number of rows added."""
        return self._root.objects

    def add(self, row: Row) -> None:
        """Add a row."""
        self._add(self._root, row, 0)

    def _add(self, node: Node, value: object, depth: int) -> None:
        node.count += 1
        if value is None:
            node.nulls += 1
            return
        node.types.add(type_of(value))
        if node.column is not None:
            self._compare(node, node.column, value)
        if depth == MAX_DEPTH:
            return
        if isinstance(value, dict):
            node.objects += 1
            for name, each in value.items():
                self._add(self._child(node, name), each, depth + 1)
        elif isinstance(value, list):
            node.items = node.items or Node()
            for each in value:
                self._add(node.items, each, depth + 1)

    def _child(self, node: Node, name: str) -> Node:
        is_nested = node is not self._root
        column = None if is_nested else self._columns.get(name)
        shown = name if column is not None else self._guard(name)
        shown = HIDDEN if is_nested and not is_field_name(name) else shown
        return node.children.setdefault(shown, Node(column))

    def _compare(self, node: Node, column: Column, value: object) -> None:
        """Record the differences between a value and the type of its column."""
        try:
            converter_to(column)(value)
        except LossyError:
            node.unreadable += 1
        if not isinstance(value, str):
            return
        kind = column_type(column)
        if self._with_placeholders and value in PLACEHOLDERS:
            node.placeholders.add(value)
        elif kind not in {"string", "array", "object", "any"}:
            is_number = kind in {*NUMBERS, "boolean"}
            shape = text_shape(value, is_number=is_number)
            if shape in node.shapes or len(node.shapes) < MAX_SHAPES:
                node.shapes[shape] = None

    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe all fields by dotted name, with ``[]`` for array items."""
        found: dict[str, dict[str, Any]] = {}
        for name, node, parents in _folded(self._root):
            _describe(name, node, parents, found)
        return dict(sorted(found.items()))


def _folded(node: Node) -> list[tuple[str, Node, int]]:
    """Return the children of a node; fold undocumented ones if there are many."""
    unknown = [name for name, child in node.children.items() if child.column is None]
    if len(unknown) <= MAX_NAMES:
        return [(name, child, node.objects) for name, child in node.children.items()]
    folded = Node()
    for name in unknown:
        child = node.children[name]
        folded.count += child.count
        folded.nulls += child.nulls
        folded.types |= child.types
    known = [
        (name, child, node.objects)
        for name, child in node.children.items()
        if child.column is not None
    ]
    return [*known, (FOLDED, folded, 0)]


def _describe(
    name: str, node: Node, parents: int, found: dict[str, dict[str, Any]]
) -> None:
    facts: dict[str, Any] = {
        "types": sorted(node.types),
        "column": None if node.column is None else column_type(node.column),
        "absent": max(0, parents - node.count),
        "null": node.nulls,
        "unreadable": node.unreadable,
        "shapes": sorted(node.shapes),
        "placeholders": sorted(node.placeholders),
    }
    found[name] = {key: fact for key, fact in facts.items() if fact or key == "types"}
    for child, each, count in _folded(node):
        _describe(f"{name}.{child}", each, count, found)
    if node.items is not None and node.items.count:
        _describe(f"{name}[]", node.items, 0, found)
