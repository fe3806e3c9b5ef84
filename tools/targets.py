"""Pipes the tap into real targets and compares loaded rows with the records sent.

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
DELETED = 34
"""Position of the deleted campaign, which has no rows in the reports."""

LIMIT_SECONDS = 300.0
"""Maximum duration of the tap and a target."""

DAY = timedelta(days=1)
FIRST = date(2026, 9, 1)
TODAYS = (date(2026, 9, 10), date(2026, 9, 11))
PERFORMANCE = "campaign_performance"
REPORTS: list[dict[str, Any]] = [
    DEFAULT_REPORTS[0],
    # Some of its rows have null countries.
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
    """Return data with values that targets may handle wrongly."""
    dataset = Dataset(campaigns=CAMPAIGNS, seed=1)
    campaigns = dataset.campaigns[DEFAULT_ADVERTISER]
    for campaign, name in zip(campaigns, ODD_NAMES, strict=False):
        campaign["name"] = name
    campaigns[20]["pacing"] = {"mode": "even", "shares": [0.1, None, "é"]}
    campaigns[21]["billing_price"] = "12345678901234.123456"
    return dataset


def let_a_day_pass(dataset: Dataset) -> None:
    """Change one campaign, delete one, and add one."""
    campaigns = dataset.campaigns[DEFAULT_ADVERTISER]
    campaigns.append({**campaigns.pop(DELETED), "id": 999_999})
    campaigns[DELETED]["day_budget"] = 4242


class FailedError(Exception):
    """The tap or a target failed."""


def flow(
    tap: Path, state: Path | None, target: Sequence[str | Path] = ("cat",)
) -> list[Any]:
    """Pipe the tap into a target and return the JSON lines that the target prints.

    Args:
        tap: Config file of the tap.
        state: State file of the tap; None for a full sync.
        target: Command of the target.

    Raises:
        FailedError: The tap or the target failed; the message is the end of its log.
    """
    command: list[str | Path] = [sys.executable, "-m", "tap_kayzen", "--config", tap]
    if state:
        command += ["--state", state]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        with watched(
            command, limit=LIMIT_SECONDS, stdout=subprocess.PIPE, stderr=log
        ) as source:
            done = finished(
                target, limit=LIMIT_SECONDS, stdin=source.stdout, cwd=tap.parent
            )
            assert source.stdout
            source.stdout.close()
        log.seek(0)
        for code, said in ((done.returncode, done.stderr), (source.returncode, log)):
            if code:
                raise FailedError("".join(said)[-2000:])
    # Not `splitlines`, which also splits at other characters, such as U+2028.
    return [landing.EXACT.decode(line) for line in done.stdout.split("\n") if line]


def last_state(printed: list[Any]) -> Any:  # noqa: ANN401
    """Return the last state of Singer messages, or of a target's output."""
    states = (each for each in printed if each.get("type", "STATE") == "STATE")
    return [each.get("value", each) for each in states][-1]


def two_days(
    folder: Path,
    settings: dict[str, Any],
    target: Sequence[str | Path] = ("cat",),
    *,
    after: Callable[[list[Any], Dataset], None],
) -> None:
    """Pipe the tap into a target twice, the second time a day later.

    Args:
        folder: Folder for files.
        settings: Additional settings of the tap.
        target: Command of the target.
        after: Called after each run with the target's output and the sandbox's data.
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
    """The expected contents of a target after a run.

    Attributes:
        rows: Rows of each stream by key.
        state: The last state.
        spend: Total spend, from the sandbox.
    """

    rows: dict[str, dict[Key, dict[str, Any]]]
    state: Any
    spend: Decimal

    @property
    def count(self) -> int:
        """Number of rows of all streams."""
        return sum(map(len, self.rows.values()))


class Reference:
    """The output of the tap on two days, without a target.

    Attributes:
        keys: Names of each stream's key columns.
        kinds: Types of each stream's columns.
        days: Expected contents after each day.
        deleted: Key of the campaign deleted before the second day.
    """

    def __init__(self, folder: Path) -> None:
        """Run the tap without a target."""
        self.keys: dict[str, list[str]] = {}
        self.kinds: dict[str, dict[str, str]] = {}
        self.days: list[Day] = []
        two_days(folder, {}, after=self._add)
        campaigns = odd_dataset().campaigns[DEFAULT_ADVERTISER]
        self.deleted = (str(campaigns[DELETED]["id"]),)

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
    """Return the total spend of all campaigns, from the sandbox."""
    assert dataset.today
    days = {"start_date": str(FIRST), "end_date": str(dataset.today - DAY)}
    request = request_of({**Report.from_config(DEFAULT_REPORTS[0]).body, **days})
    rows = dataset.report_rows(DEFAULT_ADVERTISER, request)
    return sum((row["advertiser_spend"] for row in rows), Decimal())


@dataclass
class Outcome:
    """The contents of a target, compared with a `Day`.

    Attributes:
        rows: Number of rows of all streams.
        missing: Number of missing keys.
        repeated: Number of additional rows with a repeated key.
        spend: Total spend of the last row of each key.
        deleted: What happened to the row of the deleted campaign.
        state: Whether the target returned the last state.
        differs: Number of values that differ, by kind of difference.
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
        """Compare the contents of a target with the expected ones.

        Args:
            reference: The expected contents.
            number: Number of the day, starting at 0.
            tables: Tables of the target.
        """
        self = cls()
        for name, sent in reference.days[number].rows.items():
            rows = tables.get(name, [])
            landed = by_key(rows, reference.keys[name])
            self.rows += len(rows)
            self.repeated += len(rows) - len(landed)
            for key, record in sent.items():
                row = landed.get(key)
                if number and name == "campaigns" and key == reference.deleted:
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
    """Return what happened to a deleted row, as text for the table."""
    if row is None:
        return "missing"
    return "marked" if row.get("_sdc_deleted_at") else "kept"


@dataclass(frozen=True)
class Place:
    """A place for a target's output.

    Attributes:
        folder: Folder for files.
        database: URL of a PostgreSQL database; empty for none.
    """

    folder: Path
    database: str = ""

    @property
    def out(self) -> Path:
        """Folder for the target's files."""
        return self.folder / "out"


def nothing(_: Place) -> dict[str, Any]:
    """Return no settings."""
    return {}


@dataclass(frozen=True)
class Case:
    """A target with settings and known differences.

    Attributes:
        name: Name in the table; the first word is the command.
        package: The installed package.
        how: Description of the settings.
        settings: Returns the target's settings.
        read: Returns the tables of the target.
        tap: Returns additional settings of the tap.
        missing: Whether rows are missing after the second run.
        repeated: Whether keys are repeated after the second run.
        deleted: What happens to a deleted row.
        differs: Known kinds of differing values.
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
        """Path of the target's program."""
        return BIN / self.name.split()[0]

    @property
    def version(self) -> str:
        """Installed version of the package."""
        code = f"import importlib.metadata as m; print(m.version('{self.package}'))"
        command: list[str | Path] = [BIN / "python", "-c", code]
        return finished(command, check=True).stdout.strip()

    def run(self, reference: Reference, place: Place) -> list[Outcome]:
        """Load two days; return the outcome of each."""
        if place.database:
            with psycopg.connect(place.database) as connection:
                drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE")
                connection.execute(drop.format(sql.Identifier(SCHEMA)))
        place.out.mkdir()
        settings = place.folder / "target.json"
        settings.write_text(json.dumps(self.settings(place)), encoding="utf-8")
        outcomes: list[Outcome] = []

        def compare(printed: list[Any], _: Dataset) -> None:
            number = len(outcomes)
            outcome = Outcome.of(reference, number, self.read(place))
            outcome.state = last_state(printed) == reference.days[number].state
            outcomes.append(outcome)

        command: list[str | Path] = [self.command, "--config", settings]
        two_days(place.folder, self.tap(place), command, after=compare)
        return outcomes

    def check(self, reference: Reference, outcomes: list[Outcome]) -> None:
        """Compare the outcomes with the known differences.

        Raises:
            AssertionError: An outcome is not as expected.
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
    """Return the settings of target-postgres in meltano.yml."""
    _, _, rest = place.database.partition("://")
    return {
        "sqlalchemy_url": f"postgresql+psycopg://{rest}",
        "default_target_schema": SCHEMA,
        "load_method": "upsert",
        "sanitize_null_text_characters": True,
        "validate_records": False,
    }


def in_postgres(place: Place) -> Tables:
    """Return the tables in PostgreSQL."""
    with psycopg.connect(place.database) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
            [SCHEMA],
        ).fetchall()
        tables: Tables = {}
        for (name,) in names:
            # PostgreSQL writes all digits of numbers in JSON.
            query = sql.SQL("SELECT row_to_json(t)::text FROM {} AS t").format(
                sql.Identifier(SCHEMA, name)
            )
            rows = connection.execute(query)
            tables[name] = [landing.EXACT.decode(row) for (row,) in rows]
        return tables


def batches(encoding: str) -> Callable[[Place], dict[str, Any]]:
    """Return tap settings for BATCH messages.

    Args:
        encoding: Format of the files, ``jsonl`` or ``parquet``.
    """

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
        # With the default, whole seconds, a second run might overwrite the files.
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
    """Return the table row of a case."""
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
        AssertionError: A target differs from the description in the page.
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
