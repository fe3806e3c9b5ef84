"""Formats a survey as Markdown or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tap_kayzen.survey.lifting import (
    as_yaml,
    better_campaigns_endpoint,
    stream_maps,
    unknown_fields,
)
from tap_kayzen.survey.observe import NUMBERS
from tap_kayzen.survey.rejected import SUCCESS_STATUSES, advice, rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Report = Mapping[str, Any]

KINDS = {"array": "bare list", "empty": "empty", "text": "not JSON"}
"""Display names of bodies that are not objects."""

INTRODUCTION = """\
# What this account's API returns

Made by `tap-kayzen {tap}` on {date}, with {requests} requests in {seconds} s. To report
a problem, send this file to the maintainers of tap-kayzen.

This report contains names of fields, types, counts, and times. It contains no value of
any record, no ID, and no secret. Text in a column for numbers or dates is shown as a
shape: 9 stands for any digit, `a` for any word. Your reports are listed with their
names, metrics, and dimensions.
"""

DESELECTING = """
A pattern such as `'!tags.*'` belongs under `select` in `meltano.yml`. Without Meltano,
add it to the setting `streams` without the `.*`: `["!tags"]`."""

MAPS = """\
These settings copy the undocumented fields from `_extra` into their own columns.
`float` is exact up to 15 digits. In `meltano.yml`, under `config` of `tap-kayzen`:
"""

FOR_MAINTAINERS = """\
## For the maintainers

The complete data, for `kayzen-sandbox --like`.

```json
{}
```"""


def as_json(report: Report) -> str:
    """Format a report as JSON, with one line per call."""
    head = {name: value for name, value in report.items() if name != "calls"}
    calls = ",\n".join(_compact(call) for call in report["calls"])
    return f'{_compact(head)[:-1]},"calls":[\n{calls}\n]}}'


def as_markdown(report: Report) -> str:
    """Format a report as Markdown, with the JSON at the end."""
    sections = [
        INTRODUCTION.format_map(report),
        _section("Calls", _calls(report)),
        _section("Rejected", _rejected(report)),
        _section("Undocumented fields", _unknown(report)),
        _section("Missing documented columns", _never(report)),
        _section("Values in other types or forms", _forms(report)),
        _section("Reports", _reports(report)),
        _section("Rate limit headers", _limits(report)),
        _section("Settings to consider", _settings(report)),
        FOR_MAINTAINERS.format(as_json(report)),
    ]
    return "\n".join(filter(None, sections))


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _section(title: str, lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return f"## {title}\n\n{text}\n" if text else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    rows = list(rows)
    if rows:
        for row in (head, ("---",) * len(head), *rows):
            yield "| " + " | ".join(map(str, row)) + " |"


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _calls(report: Report) -> Iterator[str]:
    head = ("Call", "Status", "Time", "Envelope", "Rows", "`page`", "`per_page`")
    yield from _table(head, map(_row, report["calls"]))


def _name(call: Report) -> str:
    """Format the name of a call, with the stream name for reports."""
    whose = f" (`{call['stream']}`)" if call.get("asked") else ""
    return f"`{call['call']}`{whose}"


def _row(call: Report) -> tuple[Any, ...]:
    name = _name(call)
    if "skipped" in call:
        return name, f"skipped: {call['skipped']}", "", "", "", "", ""
    paging = call.get("paging", {})
    size = paging.get("page_size")
    per_page = paging.get("per_page", "") + (f", max {size}" if size else "")
    return (
        name,
        call["status"] or "no response",
        f"{call['milliseconds']} ms",
        _envelope(call),
        call.get("rows", ""),
        paging.get("page", ""),
        per_page,
    )


def _envelope(call: Report) -> str:
    body = call["body"]
    names = [name for name in body["keys"] if "." not in name and "[]" not in name]
    kind = KINDS.get(body["is"], body["is"])
    text = f"{kind} with {_code(names)}" if names else kind
    if body["is"] == "object" and body.get("rows_in") == "":
        text = "bare object"
    is_unreadable = call["status"] in SUCCESS_STATUSES and not call.get(
        "readable", True
    )
    return f"{text}; the tap cannot read it" if is_unreadable else text


def _rejected(report: Report) -> Iterator[str]:
    calls = [
        (_name(call), call["status"] or "no response", advice(report, call))
        for call in rejected(report)
    ]
    yield from _table(("Call", "Status", "What to do"), calls)
    if any("!" in what for _, _, what in calls):
        yield DESELECTING


def _unknown(report: Report) -> Iterator[str]:
    yield from _table(
        ("Call", "Fields", "Type"),
        (
            (_name(call), f"`{name}`", " or ".join(types) or "null")
            for call in report["calls"]
            for name, types in unknown_fields(call).items()
        ),
    )


def _never(report: Report) -> Iterator[str]:
    yield from _table(
        ("Call", "Columns"),
        (
            (_name(call), _code(call["never"]))
            for call in report["calls"]
            if call.get("never")
        ),
    )


def _forms(report: Report) -> Iterator[str]:
    yield from _table(
        ("Call", "Column", "Documented as", "Received as", "Format", "Unreadable"),
        (
            (
                _name(call),
                f"`{name}`",
                facts["column"],
                " or ".join(facts["types"]),
                _code(facts.get("shapes", ())),
                facts.get("unreadable", 0),
            )
            for call in report["calls"]
            for name, facts in call.get("fields", {}).items()
            if _is_odd(facts)
        ),
    )


def _is_odd(facts: Report) -> bool:
    """Return whether the values of a column differ from its documentation."""
    if facts.get("unreadable"):
        return True
    column = facts.get("column")
    return column in {*NUMBERS, "boolean"} and "string" in facts["types"]


def _reports(report: Report) -> Iterator[str]:
    for call in report["calls"]:
        if "ranges" not in call:
            continue
        days = ", ".join(
            f"{days}: HTTP {status}" for days, status in call["ranges"].items()
        )
        yield f"- Status by days per request: {days}"
        if "largest_page" in call:
            limit = "limited by Kayzen" if call["is_limit"] else "no limit found"
            yield f"- Largest page: {call['largest_page']} rows ({limit})"
        for name, facts in call.get("fields", {}).items():
            words = _code(f'"{each}"' for each in facts.get("placeholders", ()))
            parts = [
                _code(facts.get("shapes", ())),
                f"null in {facts['null']} rows" if "null" in facts else "",
                f"missing in {facts['absent']} rows" if "absent" in facts else "",
                f"also {words}" if words else "",
            ]
            if any(parts):
                yield f"- `{name}`: {', '.join(filter(None, parts))}"


def _limits(report: Report) -> Iterator[str]:
    yield from _table(
        ("Header", "Value"),
        ((f"`{name}`", value) for name, value in report["limit_headers"].items()),
    )


def _settings(report: Report) -> Iterator[str]:
    endpoint = better_campaigns_endpoint(report)
    if endpoint:
        line = _compact({"campaigns_endpoint": endpoint})[1:-1]
        yield f"The other list of campaigns has more fields. Set `{line}`.\n"
    maps = stream_maps(report)
    if maps:
        yield MAPS
        yield f"```yaml\n{as_yaml(maps, indent=0)}\n```\n"
        yield "In `config.json`:\n"
        yield f"```json\n{json.dumps({'stream_maps': maps}, indent=2)}\n```"


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "report": as_markdown,
    "report-json": as_json,
}
"""Formatters of the report, by value of ``--test``."""

PLACES: Mapping[str, str] = {
    "report": "the section Rejected of the report",
    "report-json": "`status` of `calls` in the report",
}
"""Section of a report that lists rejected calls, by value of ``--test``."""

FORMATS_HELP = (
    "--test=report prints what the account's API returns as Markdown, without values "
    "of records; --test=report-json prints it as JSON."
)
