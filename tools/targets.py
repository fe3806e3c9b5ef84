"""Pipes the tap into real targets and compares what landed with what was sent.

Run by `make targets`, which writes docs/targets.md.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import demo
import landing
import psycopg
from landing import by_key, difference, kind_of
from project import DEFAULT_REPORTS, ROOT, SAMPLE_CONFIG
from psycopg import sql
from watchdog import finished, watched

from tap_kayzen.reports.definition import Report
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.report_calls import request_of
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from landing import Tables

Key: TypeAlias = tuple[str, ...]

BIN = ROOT / ".cache" / "targets" / "bin"
TEMPLATE = Path(__file__).with_name("targets_template.md")
PAGE = ROOT / "docs" / "targets.md"

CAMPAIGNS = 60
GONE = 34
"""The place of the campaign that is deleted, one that has not run in these days."""

LIMIT = 300.0
"""Seconds that the tap and a target may take."""

DAY = timedelta(days=1)
FIRST = date(2026, 9, 1)
TODAYS = (date(2026, 9, 10), date(2026, 9, 11))
PERFORMANCE = "campaign_performance"
REPORTS: list[dict[str, Any]] = [
    DEFAULT_REPORTS[0],
    # Its countries are null for some rows.
    {
        "name": "spend_by_country",
        "metrics": ["impressions", "advertiser_spend"],
        "group_by": ["day", "campaign_id", "country"],
    },
]
ODD_NAMES = (
    "",
    " spaces ",
    "a NUL \0 inside",
    "\"quotes\" 'and' \\ , ; |",
    "line\nbreak\r\nand\ttab",
    "null",
    "NULL",
    "\\N",
    "true",
    "007",
    "=1+1",
    "\u202eعربى 日本 \N{PARTY POPPER} é\u2028",
    "a" * 300,
)


def odd_dataset() -> Dataset:
    """Make a sandbox's data in which a target may stumble over some."""
    dataset = Dataset(campaigns=CAMPAIGNS, seed=1)
    campaigns = dataset.campaigns[DEFAULT_ADVERTISER]
    for campaign, name in zip(campaigns, ODD_NAMES, strict=False):
        campaign["name"] = name
    campaigns[20]["pacing"] = {"mode": "even", "shares": [0.1, None, "é"]}
    campaigns[21]["billing_price"] = "12345678901234.123456"
    return dataset


def let_a_day_pass(dataset: Dataset) -> None:
    """Change one campaign, delete one and add one."""
    campaigns = dataset.campaigns[DEFAULT_ADVERTISER]
    campaigns.append({**campaigns.pop(GONE), "id": 999_999})
    campaigns[GONE]["day_budget"] = 4242


class FailedError(Exception):
    """The tap or a target ended with an error."""


def flow(
    tap: Path, state: Path | None, target: Sequence[str | Path] = ("cat",)
) -> list[Any]:
    """Pipe the tap into a target and give what that printed.

    Args:
        tap: The tap's settings.
        state: Where the tap goes on.
        target: The command.

    Raises:
        FailedError: One of them failed; the message is the end of what it said.
    """
    command: list[str | Path] = [sys.executable, "-m", "tap_kayzen", "--config", tap]
    if state:
        command += ["--state", state]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        with watched(
            command, limit=LIMIT, stdout=subprocess.PIPE, stderr=log
        ) as source:
            done = finished(target, limit=LIMIT, stdin=source.stdout, cwd=tap.parent)
            assert source.stdout
            source.stdout.close()
        log.seek(0)
        for code, said in ((done.returncode, done.stderr), (source.returncode, log)):
            if code:
                raise FailedError("".join(said)[-2000:])
    # Not `splitlines`, which sees line breaks within texts too.
    return [landing.EXACT.decode(line) for line in done.stdout.split("\n") if line]


def last_state(printed: list[Any]) -> Any:  # noqa: ANN401
    """Find the last state among messages, or among those that targets print."""
    states = (each for each in printed if each.get("type", "STATE") == "STATE")
    return [each.get("value", each) for each in states][-1]


def two_days(
    folder: Path,
    settings: dict[str, Any],
    target: Sequence[str | Path] = ("cat",),
    *,
    after: Callable[[list[Any], Dataset], None],
) -> None:
    """Run the tap into a target twice, the second time a day later.

    Args:
        folder: Where its files are.
        settings: Further settings of the tap.
        target: The command.
        after: Is called after each run with what was printed and the data of the
            sandbox.
    """
    dataset = odd_dataset()
    state: Path | None = None
    with running(create_app(dataset, Access(Credentials()))) as url:
        for today in TODAYS:
            if state:
                let_a_day_pass(dataset)
            dataset.today = today
            tap = folder / "tap.json"
            config = {
                **SAMPLE_CONFIG,
                "api_url": url,
                "start_date": str(FIRST),
                "end_date": str(today - DAY),
                "reports": REPORTS,
                "emit_activate_version_messages": True,
                **settings,
            }
            tap.write_text(json.dumps(config), encoding="utf-8")
            printed = flow(tap, state, target)
            after(printed, dataset)
            state = folder / "state.json"
            state.write_text(json.dumps(last_state(printed)), encoding="utf-8")


@dataclass(frozen=True)
class Day:
    """What there should be after a run.

    Attributes:
        rows: The rows of each stream by their keys.
        state: The last state.
        spend: All that was spent, as the sandbox knows it.
    """

    rows: dict[str, dict[Key, dict[str, Any]]]
    state: Any
    spend: Decimal

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(map(len, self.rows.values()))


class Reference:
    """What targets are sent on two days.

    Attributes:
        keys: The names of each stream's key.
        kinds: The kinds of its columns.
        days: What there should be after each day.
        gone: The number of the campaign that is deleted on the second.
    """

    def __init__(self, folder: Path) -> None:
        """Run the tap without a target."""
        self.keys: dict[str, list[str]] = {}
        self.kinds: dict[str, dict[str, str]] = {}
        self.days: list[Day] = []
        two_days(folder, {}, after=self._add)
        campaigns = odd_dataset().campaigns[DEFAULT_ADVERTISER]
        self.gone = (str(campaigns[GONE]["id"]),)

    def _add(self, messages: list[dict[str, Any]], dataset: Dataset) -> None:
        streams: Tables = {}
        for message in messages:
            if message["type"] == "SCHEMA":
                name, columns = message["stream"], message["schema"]["properties"]
                self.keys[name] = message["key_properties"]
                self.kinds[name] = {k: kind_of(v) for k, v in columns.items()}
            elif message["type"] == "RECORD":
                streams.setdefault(message["stream"], []).append(message["record"])
        before = self.days[-1].rows if self.days else {}
        rows = {
            name: {**before.get(name, {}), **by_key(records, self.keys[name])}
            for name, records in streams.items()
        }
        self.days.append(Day(rows, last_state(messages), spent(dataset)))


def spent(dataset: Dataset) -> Decimal:
    """Sum up what campaigns spent, as the sandbox knows it."""
    assert dataset.today
    days = {"start_date": str(FIRST), "end_date": str(dataset.today - DAY)}
    request = request_of({**Report.from_config(DEFAULT_REPORTS[0]).body, **days})
    rows = dataset.report_rows(DEFAULT_ADVERTISER, request)
    return sum((row["advertiser_spend"] for row in rows), Decimal())


@dataclass
class Outcome:
    """What became of it.

    Attributes:
        rows: Rows of all streams.
        missing: Keys that are not there.
        repeated: Rows beyond one a key.
        spend: The sum over the last row of each key.
        deleted: What became of the campaign that was deleted.
        state: Whether the target gave the last state on.
        differs: How values differ from what was sent, and how many do.
    """

    rows: int = 0
    missing: int = 0
    repeated: int = 0
    spend: Decimal = Decimal()
    deleted: str = ""
    state: bool = False
    differs: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, reference: Reference, number: int, tables: Tables) -> Outcome:
        """Compare what is there with what should be after a day.

        Args:
            reference: What should be.
            number: Which day it is, 0 for the first.
            tables: What is there.
        """
        self = cls()
        for name, sent in reference.days[number].rows.items():
            rows = tables.get(name, [])
            landed = by_key(rows, reference.keys[name])
            self.rows += len(rows)
            self.repeated += len(rows) - len(landed)
            for key, record in sent.items():
                row = landed.get(key)
                if number and name == "campaigns" and key == reference.gone:
                    self.deleted = fate(row)
                elif row is None:
                    self.missing += 1
                else:
                    self.differs.update(
                        what
                        for column, kind in reference.kinds[name].items()
                        if (
                            what := difference(
                                kind, record.get(column), row.get(column)
                            )
                        )
                    )
            if name == PERFORMANCE:
                amounts = (row["advertiser_spend"] for row in landed.values())
                self.spend = sum(map(Decimal, map(str, amounts)), Decimal())
        return self


def fate(row: dict[str, Any] | None) -> str:
    """Say what became of a deleted row."""
    if row is None:
        return "missing"
    return "marked" if row.get("_sdc_deleted_at") else "kept"


@dataclass(frozen=True)
class Place:
    """Where a target may write: a folder, and a database or ``""``."""

    folder: Path
    database: str = ""

    @property
    def out(self) -> Path:
        """A folder for files."""
        return self.folder / "out"


def nothing(_: Place) -> dict[str, Any]:
    """Set nothing in the tap."""
    return {}


@dataclass(frozen=True)
class Case:
    """A target, how it is used, and what is known of that.

    Attributes:
        name: Its name in the table; the first word is the command.
        package: What is installed there.
        how: What was set, in words.
        settings: The target's settings.
        read: Reads what landed.
        tap: Further settings of the tap.
        missing: Whether rows go missing.
        repeated: Whether keys come more than once.
        deleted: What becomes of a deleted row.
        differs: How values differ.
    """

    name: str
    package: str
    how: str
    settings: Callable[[Place], dict[str, Any]]
    read: Callable[[Place], Tables]
    tap: Callable[[Place], dict[str, Any]] = nothing
    missing: bool = False
    repeated: bool = False
    deleted: str = "kept"
    differs: frozenset[str] = frozenset()

    @property
    def command(self) -> Path:
        """The program."""
        return BIN / self.name.split()[0]

    @property
    def version(self) -> str:
        """The version of the package that is installed."""
        code = f"import importlib.metadata as m; print(m.version('{self.package}'))"
        command: list[str | Path] = [BIN / "python", "-c", code]
        return finished(command, check=True).stdout.strip()

    def run(self, reference: Reference, place: Place) -> list[Outcome]:
        """Load two days; give what is there after each."""
        if place.database:
            with psycopg.connect(place.database) as connection:
                drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE")
                connection.execute(drop.format(sql.Identifier(SCHEMA)))
        place.out.mkdir()
        settings = place.folder / "target.json"
        settings.write_text(json.dumps(self.settings(place)), encoding="utf-8")
        outcomes: list[Outcome] = []

        def look(printed: list[Any], _: Dataset) -> None:
            number = len(outcomes)
            outcome = Outcome.of(reference, number, self.read(place))
            outcome.state = last_state(printed) == reference.days[number].state
            outcomes.append(outcome)

        command: list[str | Path] = [self.command, "--config", settings]
        two_days(place.folder, self.tap(place), command, after=look)
        return outcomes

    def check(self, reference: Reference, outcomes: list[Outcome]) -> None:
        """Check that the outcomes are what is known.

        Raises:
            AssertionError: They are not.
        """
        days = reference.days
        first, second = outcomes
        assert first == Outcome(
            days[0].count,
            spend=days[0].spend,
            state=True,
            differs=first.differs,
        )
        assert set(first.differs) == set(second.differs) == self.differs, second
        assert bool(second.missing) == self.missing, second
        assert bool(second.repeated) == self.repeated, second
        known = second.rows - second.repeated + second.missing
        assert known == days[1].count - (second.deleted == "missing"), second
        assert (second.spend != days[1].spend) == self.missing, second
        assert second.deleted == self.deleted, second
        assert second.state, second


SCHEMA = "kayzen_targets"


def postgres_settings(place: Place) -> dict[str, Any]:
    """Give the settings that meltano.yml has too."""
    _, _, rest = place.database.partition("://")
    return {
        "sqlalchemy_url": f"postgresql+psycopg://{rest}",
        "default_target_schema": SCHEMA,
        "load_method": "upsert",
        "sanitize_null_text_characters": True,
        "validate_records": False,
    }


def in_postgres(place: Place) -> Tables:
    """Read what landed in PostgreSQL."""
    with psycopg.connect(place.database) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
            [SCHEMA],
        ).fetchall()
        tables: Tables = {}
        for (name,) in names:
            # As JSON, in which PostgreSQL writes numbers with all their digits.
            query = sql.SQL("SELECT row_to_json(t)::text FROM {} AS t").format(
                sql.Identifier(SCHEMA, name)
            )
            rows = connection.execute(query)
            tables[name] = [landing.EXACT.decode(row) for (row,) in rows]
        return tables


def batches(encoding: str) -> Callable[[Place], dict[str, Any]]:
    """Let the tap write files, and BATCH messages that name them."""

    def settings(place: Place) -> dict[str, Any]:
        return {
            "batch_config": {
                "encoding": {"format": encoding, "compression": "gzip"},
                "storage": {"root": f"file://{place.out}"},
            }
        }

    return settings


POSTGRES = Case(
    "target-postgres",
    "meltanolabs-target-postgres",
    "`load_method: upsert`, `sanitize_null_text_characters: true`, "
    "`validate_records: false`, as in meltano.yml",
    postgres_settings,
    in_postgres,
    deleted="marked",
    differs=frozenset({landing.NUL}),
)
POSTGRES_COPY = Case(
    "target-postgres (COPY)",
    "meltanolabs-target-postgres",
    "The same, plus `use_copy: true`",
    lambda place: {**postgres_settings(place), "use_copy": True},
    in_postgres,
    deleted="marked",
    differs=frozenset({landing.NUL, landing.DIGITS}),
)
POSTGRES_BATCH = Case(
    "target-postgres (BATCH)",
    "meltanolabs-target-postgres",
    "As in meltano.yml; in the tap, `batch_config`: `jsonl`, `gzip`, `file://`",
    postgres_settings,
    in_postgres,
    tap=batches("jsonl"),
    deleted="marked",
    differs=frozenset({landing.NUL}),
)
POSTGRES_PARQUET = Case(
    "target-postgres (Parquet BATCH)",
    "meltanolabs-target-postgres",
    "With `pyarrow`; in the tap, installed as `tap-kayzen[parquet]`, "
    "`batch_config`: `parquet`, `gzip`, `file://`",
    postgres_settings,
    in_postgres,
    tap=batches("parquet"),
    deleted="marked",
    differs=frozenset({landing.NUL}),
)
CSV = Case(
    "target-csv",
    "meltanolabs-target-csv",
    "Defaults",
    lambda place: {"output_path": f"{place.out}"},
    lambda place: landing.csv_tables(place.out),
    missing=True,
    deleted="missing",
    differs=frozenset({landing.NULL, landing.NESTED}),
)
CSV_FLAT = Case(
    "target-csv (one file per run)",
    "meltanolabs-target-csv",
    "`file_naming_scheme: '{stream_name}-{timestamp}.csv'`, "
    "`timestamp_format: '%Y-%m-%d.T%H%M%S.%f'`, `flattening_enabled: true`, "
    "`flattening_max_depth: 1`, as in meltano.yml",
    lambda place: {
        "output_path": f"{place.out}",
        "file_naming_scheme": "{stream_name}-{timestamp}.csv",
        # The default has seconds: a run soon after another would overwrite its files.
        "timestamp_format": "%Y-%m-%d.T%H%M%S.%f",
        "flattening_enabled": True,
        "flattening_max_depth": 1,
    },
    CSV.read,
    repeated=True,
    differs=frozenset({landing.NULL}),
)
CASES = (POSTGRES, POSTGRES_COPY, POSTGRES_BATCH, POSTGRES_PARQUET, CSV, CSV_FLAT)


def line(case: Case, reference: Reference, outcomes: list[Outcome]) -> str:
    """Write the table's line about a case."""
    first, second = outcomes
    after = (
        f"{second.rows:,}",
        f"{second.missing:,} missing" if second.missing else "",
        f"{second.repeated:,} outdated" if second.repeated else "",
    )
    differs = (f"{what}: {n:,}" for what, n in sorted(second.differs.items()))
    cells = (
        case.name,
        f"{case.package} {case.version}",
        case.how,
        f"{first.rows:,}",
        ", ".join(filter(None, after)),
        "exact" if second.spend == reference.days[1].spend else "too low",
        case.deleted,
        "; ".join(differs) or "none",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run all cases and write the page.

    Raises:
        AssertionError: A target does not do what the page's words say.
    """
    lines = []
    with tempfile.TemporaryDirectory() as name, demo.postgres() as database:
        root = Path(name)
        reference = Reference(root)
        for number, case in enumerate(CASES):
            folder = root / f"{number}"
            folder.mkdir()
            outcomes = case.run(reference, Place(folder, database))
            lines.append(line(case, reference, outcomes))
            print(lines[-1], flush=True)
            case.check(reference, outcomes)
    first, second = reference.days
    text = TEMPLATE.read_text(encoding="utf-8").format(
        date=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        python=platform.python_version(),
        streams=len(reference.keys),
        first=f"{first.count:,}",
        second=f"{second.count:,}",
        spend=f"{second.spend:,}",
        table="\n".join(lines),
    )
    PAGE.write_text(text, encoding="utf-8")
    print(f"Written: {PAGE}")


if __name__ == "__main__":
    main()
