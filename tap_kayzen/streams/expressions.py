"""Evaluates and checks the expressions of stream maps."""

from __future__ import annotations

import ast
from decimal import Decimal
from typing import TYPE_CHECKING

from singer_sdk.exceptions import MapExpressionError
from singer_sdk.mapper import NULL_STRING, CustomStreamMap, StreamMap

from tap_kayzen.messages import stream_map_messages
from tap_kayzen.output.guesses import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tap_kayzen.reading.keys import Record

    Entry = Mapping[str, str | list[str] | None]
    """Entry of a stream in ``stream_maps``: ``{"name": "name.upper()"}``."""

FAKER = "fake"
"""Variable for fake values, which requires the Faker library."""

VARIABLES = frozenset(
    {
        "_",
        "__original_stream_name__",
        "__stream_name__",
        "config",
        FAKER,
        "record",
        "self",
    }
)
"""Names that expressions may use in addition to columns and functions."""

WHOLE_VALUES = ("_", "record", "self")
"""Variables that hold the value of the column or the whole record."""

MIN_SECRET_CHARS = 4
"""Minimum length of a value in ``stream_map_config`` to mask in errors."""


def expression_fault(expression: str) -> str:
    """Describe why a string is not an expression; empty if it is one."""
    if expression == NULL_STRING:
        return ""
    try:
        body = ast.parse(expression).body
    except (SyntaxError, ValueError) as error:
        return getattr(error, "msg", "") or str(error)
    is_one = len(body) == 1 and isinstance(body[0], ast.Expr)
    return "" if is_one else "it must be one expression, such as `name.upper()`"


def names_in(expression: str) -> dict[str, None]:
    """Return the names that an expression uses, as an ordered set."""
    nodes = [
        node for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)
    ]
    own = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
    return dict.fromkeys(node.id for node in nodes if node.id not in own)


def no_name(name: str, columns: Collection[str]) -> str:
    """Describe an unknown name in an expression, and suggest a known one."""
    question = did_you_mean(name, sorted(columns))
    hint = f"; {question}" if question else ""
    return stream_map_messages.UNKNOWN_NAME(name=name, hint=hint)


class MapError(MapExpressionError):
    """An expression in ``stream_maps`` that failed.

    Attributes:
        what: Name of the stream.
        cause: The setting, the expression, and what happened.
        hint: What the user can do.
    """

    def __init__(self, cause: str, *, what: str, hint: str) -> None:
        """Initialize the error; `str()` joins its parts."""
        super().__init__(cause)
        self.what = what
        self.cause = cause
        self.hint = hint

    def __str__(self) -> str:
        """Format the error as one line."""
        return f"{self.what}: {self.cause}; {self.hint}"


class CheckedMap(StreamMap):
    """Wrapper of an SDK stream map that supports absent columns and explains errors.

    In expressions, absent columns are null. They are not added to the record unless
    the map sets them.
    """

    def __init__(
        self,
        inner: CustomStreamMap,
        *,
        name: str,
        columns: Collection[str],
        key: str,
        entry: Entry,
    ) -> None:
        """Wrap a map.

        Args:
            inner: The SDK's map.
            name: Name of the stream.
            columns: Selected columns of the stream.
            key: Key of the map in ``stream_maps``.
            entry: Value of that key.
        """
        super().__init__(
            inner.stream_alias,
            inner.raw_schema,
            inner.raw_key_properties,
            inner.flattening_options,
        )
        self.transformed_schema = inner.transformed_schema
        self.transformed_key_properties = inner.transformed_key_properties
        self.inner = inner
        self.name = name
        self.key = key
        self.entry = entry
        self.columns = columns

    def transform(self, record: Record) -> Record | None:
        """Return the mapped record; None if the filter drops it.

        Raises:
            MapError: An expression failed.
        """
        absent = [name for name in self.columns if name not in record]
        try:
            result = self.inner.transform({**record, **dict.fromkeys(absent)})
        except Exception:
            if failure := self._failure():
                raise failure from None
            raise
        if result is not None:
            for name in absent:
                if name not in self.entry and name in result and result[name] is None:
                    del result[name]
        return result

    def get_filter_result(self, record: Record) -> bool:
        """Return whether a record passes the filter of the map."""
        return self.inner.get_filter_result(record)

    def unknown(self, expression: str) -> list[str]:
        """Return the names in an expression that are not defined."""
        known = {*self.columns, *self.inner.functions, *VARIABLES}
        return [name for name in names_in(expression) if name not in known]

    def loses_key(self, column: str, expression: str) -> bool:
        """Return whether an expression makes a key column independent of the key."""
        if column not in (self.transformed_key_properties or ()):
            return False
        is_own = column in (self.inner.raw_key_properties or ())
        sources = {column} if is_own else {*self.columns}
        return sources.union(WHOLE_VALUES).isdisjoint(names_in(expression))

    def _failure(self) -> MapError | None:
        """Return an error for the last evaluated expression, if it failed."""
        evaluator = self.inner.expr_evaluator
        expression = evaluator.expr
        columns = [name for name, value in self.entry.items() if value == expression]
        if not columns:
            return None
        try:
            evaluator.eval(expression)
        # A user's expression can raise anything.
        except Exception as error:  # noqa: BLE001
            reason = f"{type(error).__name__}: {error}"
            if isinstance(error, ArithmeticError):
                # Messages of decimal errors contain only class names.
                reason = "division by zero, or a number out of range"
            for secret in map(str, (self.inner.map_config or {}).values()):
                if len(secret) >= MIN_SECRET_CHARS:
                    reason = reason.replace(secret, "***")
            return MapError(
                stream_map_messages.FAILED(
                    place=f"stream_maps.{self.key}.{columns[0]}",
                    expression=expression,
                    reason=reason,
                ),
                what=self.name,
                hint=self._hint(expression, reason),
            )
        return None

    def _hint(self, expression: str, reason: str) -> str:
        hint = stream_map_messages.CHECK()
        used = names_in(expression)
        values: Mapping[str, object] = self.inner.expr_evaluator.names
        if unknown := self.unknown(expression):
            return f"{hint}: {no_name(unknown[0], self.columns)}"
        if nulls := [name for name in used if values.get(name, "") is None]:
            return stream_map_messages.NULL_VALUE(name=nulls[0])
        decimals = [name for name in used if isinstance(values.get(name), Decimal)]
        if decimals and "float" in reason:
            return stream_map_messages.DECIMAL_VALUE(name=decimals[0])
        return hint
