"""Generates the staging layer of the dbt package in examples/dbt.

Run by `make docs-pages`. Sources, staging models, their tests, and the descriptions of
their columns are generated from the tap's schemas, so they always match its output. The
rest of the package is written by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from project import DEFAULT_REPORTS, ROOT, SAMPLE_CONFIG

from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACKAGE = ROOT / "examples" / "dbt"
STAGING = PACKAGE / "models" / "staging"
MARK = "Generated from the tap's schemas by `make docs-pages`."

CAMPAIGN_REPORT, CREATIVE_REPORT = "campaign_performance", "creative_performance"

CREATIVE_ENTRY: dict[str, Any] = {
    "name": CREATIVE_REPORT,
    "metrics": DEFAULT_REPORTS[0]["metrics"],
    "group_by": ["day", "campaign_id", "creative_id"],
}
"""The report for the creative models, as an item of the setting `reports`."""

VARS = {
    CAMPAIGN_REPORT: "kayzen_campaign_report",
    CREATIVE_REPORT: "kayzen_creative_report",
}
"""dbt variables with the table names of reports; null disables their models."""

ENTITIES = {
    "app_lists": "app_list",
    "balance": "balance",
    "campaign_changelogs": "changelog",
    CAMPAIGN_REPORT: "performance",
    "campaigns": "campaign",
    CREATIVE_REPORT: "performance",
    "creatives": "creative",
    "orders": "order",
    "reports": "report",
    "tags": "tag",
    "tracker_assets": "tracker_asset",
}
"""The staged streams, with the prefix of their `id`, `name`, and `type`."""

OWN_NAMES = {"id": "id", "name": "name", "type": "type", "_key": "key"}
"""Columns that need the prefix of the entity."""

RENAMED = {
    "_extra": "extra",
    "advertiser_spend": "spend",
    "date": "day",
    "end_time": "ends_at",
    "loggable_updated_at": "changed_at",
    "revenue_ltv": "revenue",
    "start_time": "starts_at",
}

NOTES = {
    "_extra": " Null if there are none.",
    "end_time": " This model has null instead.",
}
"""Sentences that follow the tap's description of a column that the model changes."""

NOT_NULL = {"campaign_id", "day"}
"""Columns of reports that must not be null, in addition to the key."""

NOT_NEGATIVE = {"day_budget", "total_budget"}

FRESH = {CAMPAIGN_REPORT, "campaigns"}
"""Streams with new rows in every sync of every account."""

MODEL = """\
-- {mark}
{{{{ config(enabled=kayzen.loads('{stream}')) }}}}

select
{columns}
from {{{{ source('kayzen', '{stream}') }}}}
"""

WITHOUT_DELETED = "{{{{ kayzen.without_deleted(source('kayzen', '{stream}')) }}}}\n"


@dataclass(frozen=True)
class Staged:
    """A stream and its staging model.

    Attributes:
        name: Name of the stream.
        schema: JSON Schema of its records.
        keys: Columns of its primary key.
        marks_deleted: Whether targets may mark its rows as deleted.
    """

    name: str
    schema: Mapping[str, Any]
    keys: tuple[str, ...]
    marks_deleted: bool

    @property
    def model(self) -> str:
        """Name of the model."""
        return f"stg_kayzen__{self.name}"

    @property
    def enabled(self) -> str:
        """Jinja expression for whether the table exists; it must not use macros."""
        if self.name in VARS:
            return f"var('{VARS[self.name]}') is not none"
        return f"'{self.name}' in var('kayzen_streams')"

    @property
    def columns(self) -> Mapping[str, Mapping[str, Any]]:
        """JSON Schema of each column."""
        columns: Mapping[str, Mapping[str, Any]] = self.schema["properties"]
        return columns

    def renamed(self, column: str) -> str:
        """Return a column's name in the model."""
        if column in OWN_NAMES:
            return f"{ENTITIES[self.name]}_{OWN_NAMES[column]}"
        return RENAMED.get(column, column)

    def doc(self, column: str) -> str:
        """Return the name of the doc block that describes a column."""
        return f"kayzen__{self.name}__{column}"

    def sql(self) -> str:
        """Return the SQL of the model."""
        lines = []
        for column, definition in self.columns.items():
            value, name = typed(column, definition), self.renamed(column)
            lines.append(f"    {value}" if value == name else f"    {value} as {name}")
        text = MODEL + (WITHOUT_DELETED if self.marks_deleted else "")
        return text.format(mark=MARK, columns=",\n".join(lines), stream=self.name)

    def source(self) -> list[str]:
        """Return the lines of the table in `_sources.yml`."""
        lines = [f"- name: {self.name}"]
        if self.name in VARS:
            table = f"var('{VARS[self.name]}') or '{self.name}'"
            lines.append(f'  identifier: "{{{{ {table} }}}}"')
        lines += [
            f"  description: {quoted(self.schema['description'])}",
            "  config:",
            f'    enabled: "{{{{ {self.enabled} }}}}"',
        ]
        if self.name in FRESH:
            hours = "{{ var('kayzen_stale_after_hours') }}"
            lines += [
                "    loaded_at_field: _sdc_batched_at",
                "    freshness:",
                f'      warn_after: {{count: "{hours}", period: hour}}',
            ]
        lines.append("  columns:")
        for column in self.columns:
            lines += described(column, self._text(column))
        return lines

    def properties(self) -> list[str]:
        """Return the lines of the model in `_staging.yml`."""
        lines = [
            f"- name: {self.model}",
            f"  description: {quoted(self.schema['description'])}",
        ]
        if len(self.keys) > 1:
            key = ", ".join(map(self.renamed, self.keys))
            lines += [
                "  data_tests:",
                "    - unique:",
                f"        name: {self.model}_is_unique",
                f'        arguments: {{column_name: "({key})"}}',
            ]
        lines.append("  columns:")
        for column in self.columns:
            text = self._text(column, NOTES.get(column, ""))
            lines += described(self.renamed(column), text)
            if tests := self._tests(column):
                lines.append(f"      data_tests: [{', '.join(tests)}]")
        return lines

    def docs(self) -> str:
        """Return the doc blocks of the columns."""
        return "\n".join(
            f"{{% docs {self.doc(column)} %}}\n{definition['description']}\n"
            "{% enddocs %}\n"
            for column, definition in self.columns.items()
        )

    def _text(self, column: str, note: str = "") -> str:
        return f"\"{{{{ doc('{self.doc(column)}') }}}}{note}\""

    def _tests(self, column: str) -> list[str]:
        is_needed = self.name in VARS and column in NOT_NULL
        tests = ["not_null"] if column in self.keys or is_needed else []
        if self.keys == (column,):
            tests.append("unique")
        if column in NOT_NEGATIVE:
            tests.append("not_negative")
        return tests


def described(column: str, text: str) -> list[str]:
    """Return the lines of a column, with its description in YAML."""
    return [f"    - name: {column}", f"      description: {text}"]


def quoted(text: str) -> str:
    """Return a text as YAML, in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def typed(column: str, definition: Mapping[str, Any]) -> str:
    """Return the SQL that casts a column from any stored type to its own."""
    given = definition["type"]
    (kind,) = {given} if isinstance(given, str) else {*given} - {"null"}
    if kind == "object" or (kind == "array" and "items" not in definition):
        return f"{{{{ kayzen.json_or_null('{column}') }}}}"
    if kind == "array":
        return column
    if kind == "number":
        return f"{{{{ kayzen.amount('{column}') }}}}"
    if column == "end_time":
        return f"{{{{ kayzen.end_or_null('{column}') }}}}"
    form = definition.get("format", kind)
    if form == "date":
        return f"cast({column} as date)"
    names = {"date-time": "timestamp", "integer": "bigint"}
    return f"cast({column} as {{{{ dbt.type_{names.get(form, form)}() }}}})"


def staged() -> list[Staged]:
    """Return the staged streams, by name."""
    tap = TapKayzen(
        config={**SAMPLE_CONFIG, "reports": [*DEFAULT_REPORTS, CREATIVE_ENTRY]}
    )
    return [
        Staged(
            name,
            (stream := tap.streams[name]).schema,
            tuple(cast("Any", stream.primary_keys)),
            not getattr(stream, "keeps_history", name in VARS),
        )
        for name in ENTITIES
    ]


def files() -> dict[Path, str]:
    """Return the text of each generated file."""
    models = staged()
    sources = "\n".join(
        [
            f"# {MARK}",
            "sources:",
            "  - name: kayzen",
            "    description: Tables loaded by the tap, one per stream.",
            "    database: \"{{ var('kayzen_database') or target.database }}\"",
            "    schema: \"{{ var('kayzen_schema') }}\"",
            "    tables:",
            *("      " + line for each in models for line in each.source()),
            "",
        ]
    )
    properties = "\n".join(
        [
            f"# {MARK}",
            "models:",
            *("  " + line for each in models for line in each.properties()),
            "",
        ]
    )
    return {
        STAGING / "_sources.yml": sources,
        STAGING / "_staging.yml": properties,
        STAGING / "_columns.md": "\n".join(each.docs() for each in models),
        **{STAGING / f"{each.model}.sql": each.sql() for each in models},
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
