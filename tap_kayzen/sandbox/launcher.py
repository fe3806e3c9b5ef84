"""The command ``kayzen-sandbox``."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

try:
    import uvicorn  # noqa: F401
    from starlette.middleware import Middleware
except ImportError:
    sys.exit(
        "kayzen-sandbox: install tap-kayzen with its extra, as tap-kayzen[sandbox]"
    )

from tap_kayzen.sandbox.access import TOKEN_LIFETIME, Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.fault_plan import FAULTS, STALL_SECONDS, FaultPlan
from tap_kayzen.sandbox.faults import Faults
from tap_kayzen.sandbox.likeness import LIKE_REPORTS, Likeness, report_of, summary
from tap_kayzen.sandbox.network import Latency, RateLimit
from tap_kayzen.sandbox.report_calls import DEFAULT_REPORT_OPTIONS, ReportOptions
from tap_kayzen.sandbox.server import LOOPBACK, listen, server_of, url_of

if TYPE_CHECKING:
    from datetime import datetime

    from tap_kayzen.sandbox.report_calls import Paging

DEFAULTS = Credentials()


def rates(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, float]:
    """Parse probabilities of faults, such as ``http-503=0.1``.

    Raises:
        click.BadParameter: A value has another format.
    """
    found = {}
    for value in values:
        name, _, rate = value.partition("=")
        try:
            found[name] = float(rate)
        except ValueError as error:
            msg = f"{value!r} is not like http-503=0.1"
            raise click.BadParameter(msg) from error
    return found


def report(
    _context: click.Context, _parameter: click.Parameter, path: Path | None
) -> dict[str, Any] | None:
    """Read an account report from a file.

    Raises:
        click.BadParameter: The file cannot be read or is not an account report.
    """
    try:
        return report_of(path.read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error)) from error


@click.command(context_settings={"show_default": True})
@click.option("--host", default=LOOPBACK, help="Address to listen on.")
@click.option("--port", default=8765, help="Port to listen on; 0 takes a free one.")
@click.option(
    "--campaigns",
    default=5000,
    type=click.IntRange(min=0),
    help="Campaigns of the default advertiser.",
)
@click.option("--seed", default=1, help="Where the generated data start.")
@click.option(
    "--token-lifetime",
    default=TOKEN_LIFETIME,
    type=click.IntRange(min=1),
    help="Seconds that a token lives.",
)
@click.option(
    "--latency",
    default=0.0,
    type=click.FloatRange(min=0),
    help="Milliseconds that every answer takes longer than it has to.",
)
@click.option(
    "--requests-per-second",
    type=click.IntRange(min=1),
    help="Data calls that are answered in a second; more are refused.",
)
@click.option(
    "--limit-status",
    default="429",
    type=click.Choice(["429", "500"]),
    help="Status of those refusals: 429, or 500 with the words of an API gateway.",
)
@click.option(
    "--single-token",
    is_flag=True,
    help="Let a login end all older tokens, as Kayzen's may.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=PROBABILITY",
    callback=rates,
    help="What goes wrong in which part of the calls, such as http-503=0.1; may "
    f"be repeated. There are {', '.join(FAULTS)}.",
)
@click.option("--fault-seed", default=1, help="Where the faults' random numbers start.")
@click.option(
    "--stall-seconds",
    default=STALL_SECONDS,
    type=click.FloatRange(min=0),
    help="Seconds that a stalled answer keeps a client waiting.",
)
@click.option(
    "--pre-encoded",
    is_flag=True,
    help="Make the answers for campaigns at the start, for measuring clients.",
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day as of which reports are given; the real one, if left out.",
)
@click.option(
    "--max-report-days",
    type=click.IntRange(min=1),
    help="Days that a report may span; longer ones get HTTP 422.",
)
@click.option(
    "--report-paging",
    default=DEFAULT_REPORT_OPTIONS.paging,
    type=click.Choice(["short", "meta", "ignored"]),
    help="Pages of reports: as asked for, with their number told, or the first always.",
)
@click.option(
    "--max-report-rows",
    default=DEFAULT_REPORT_OPTIONS.max_rows,
    type=click.IntRange(min=1),
    help="Rows that a page of a report has at most.",
)
@click.option(
    "--report-retention-days",
    type=click.IntRange(min=0),
    help="Days before today for which reports have rows; older days get HTTP 400.",
)
@click.option(
    "--like",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=report,
    help="Behave like the account in a report of `tap-kayzen --test=report`.",
)
@click.option("--username", default=DEFAULTS.username)
@click.option("--password", default=DEFAULTS.password)
@click.option("--api-key", default=DEFAULTS.api_key)
@click.option("--api-secret", default=DEFAULTS.api_secret)
@click.option("--audience-api-key", default=DEFAULTS.audience_api_key)
@click.version_option(package_name="tap-kayzen")
def main(  # noqa: PLR0913
    *,
    host: str,
    port: int,
    campaigns: int,
    seed: int,
    token_lifetime: int,
    latency: float,
    requests_per_second: int | None,
    limit_status: str,
    single_token: bool,
    faults: dict[str, float],
    fault_seed: int,
    stall_seconds: float,
    pre_encoded: bool,
    today: datetime | None,
    max_report_days: int | None,
    report_paging: Paging,
    max_report_rows: int,
    report_retention_days: int | None,
    like: dict[str, Any] | None,
    username: str,
    password: str,
    api_key: str,
    api_secret: str,
    audience_api_key: str,
) -> None:
    """Run a Kayzen API with generated data on this machine, until Ctrl-C."""
    dataset = Dataset(campaigns=campaigns, seed=seed)
    dataset.today = today.date() if today else None
    credentials = Credentials(username, password, api_key, api_secret, audience_api_key)
    access = Access(credentials, lifetime=token_lifetime, is_token_single=single_token)
    layers = [Middleware(Latency, seconds=latency / 1000)] if latency else []
    if requests_per_second:
        layers.append(
            Middleware(
                RateLimit, per_second=requests_per_second, status=int(limit_status)
            )
        )
    try:
        plan = FaultPlan(fault_seed, faults, stall_seconds=stall_seconds)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from error
    layers.append(Middleware(Faults, plan=plan, access=access, dataset=dataset))
    reports = ReportOptions(
        report_paging, max_report_rows, max_report_days, report_retention_days
    )
    if like:
        layers.append(Middleware(Likeness, report=like))
        reports = LIKE_REPORTS
    app = create_app(
        dataset,
        access,
        pre_encoded=pre_encoded,
        reports=reports,
        middleware=layers,
    )
    try:
        listener = listen(host, port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        msg = f"cannot listen on {host} port {port}: {reason}; try --port 0"
        raise click.ClickException(msg) from error
    with listener:
        click.echo(
            f"Kayzen sandbox at {url_of(listener)} with {campaigns:,} campaigns of "
            f"advertiser {next(iter(dataset.campaigns))}; Ctrl-C ends it"
        )
        if like:
            click.echo(summary(like))
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            server_of(app).run(sockets=[listener])
