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
    sys.exit("kayzen-sandbox needs the extra `sandbox`; install tap-kayzen[sandbox]")

from tap_kayzen.sandbox.access import TOKEN_LIFETIME, Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.fault_plan import STALL_SECONDS, FaultPlan
from tap_kayzen.sandbox.fault_texts import FAULT_TEXTS, GROUPS
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
        click.BadParameter: A value has an invalid format.
    """
    found = {}
    for value in values:
        name, _, rate = value.partition("=")
        try:
            found[name] = float(rate)
        except ValueError as error:
            msg = f"{value!r} must look like http-503=0.1"
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


class SandboxCommand(click.Command):
    """The command, whose help ends with a list of all faults."""

    def format_epilog(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """List the faults below the options."""
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, FAULT_TEXTS[name]) for name in names])


@click.command(cls=SandboxCommand, context_settings={"show_default": True})
@click.option("--host", default=LOOPBACK, help="Address to listen on.")
@click.option("--port", default=8765, help="Port to listen on; 0 picks a free one.")
@click.option(
    "--campaigns",
    default=5000,
    type=click.IntRange(min=0),
    help="Number of campaigns of the default advertiser.",
)
@click.option("--seed", default=1, help="Seed of the generated data.")
@click.option(
    "--token-lifetime",
    default=TOKEN_LIFETIME,
    type=click.IntRange(min=1),
    help="Lifetime of a token in seconds.",
)
@click.option(
    "--latency",
    default=0.0,
    type=click.FloatRange(min=0),
    help="Delay of every response in milliseconds.",
)
@click.option(
    "--requests-per-second",
    type=click.IntRange(min=1),
    help="Rate limit: data calls per second before the sandbox rejects more.",
)
@click.option(
    "--limit-status",
    default="429",
    type=click.Choice(["429", "500"]),
    help="HTTP status beyond the rate limit: 429, or 500 with a gateway's error.",
)
@click.option(
    "--single-token",
    is_flag=True,
    help="Revoke all older tokens at each login, as Kayzen may.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=PROBABILITY",
    callback=rates,
    help="Fault to inject, with its probability, such as http-503=0.1; repeatable. "
    "The faults are listed below.",
)
@click.option("--fault-seed", default=1, help="Seed of the faults.")
@click.option(
    "--stall-seconds",
    default=STALL_SECONDS,
    type=click.FloatRange(min=0),
    help="Delay of a stalled response in seconds.",
)
@click.option(
    "--pre-encoded",
    is_flag=True,
    help="Encode the campaign pages at startup, for benchmarks of clients.",
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Current day of reports, like 2026-01-31. Default: the real one.",
)
@click.option(
    "--max-report-days",
    type=click.IntRange(min=1),
    help="Maximum days of a report; longer ones get HTTP 422.",
)
@click.option(
    "--report-paging",
    default=DEFAULT_REPORT_OPTIONS.paging,
    type=click.Choice(["short", "meta", "ignored"]),
    help="Paging of reports: as requested, with `meta`, or always the first page.",
)
@click.option(
    "--max-report-rows",
    default=DEFAULT_REPORT_OPTIONS.max_rows,
    type=click.IntRange(min=1),
    help="Maximum rows on a page of a report.",
)
@click.option(
    "--report-retention-days",
    type=click.IntRange(min=0),
    help="Days for which reports keep rows; older days get HTTP 400.",
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
    """Run a Kayzen API with generated data on this machine until Ctrl-C."""
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
        msg = f"cannot listen on {host}, port {port}: {reason}; try --port 0"
        raise click.ClickException(msg) from error
    with listener:
        click.echo(
            f"Kayzen sandbox at {url_of(listener)} with {campaigns:,} campaigns of "
            f"advertiser {next(iter(dataset.campaigns))}; stop it with Ctrl-C"
        )
        if like:
            click.echo(summary(like))
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            server_of(app).run(sockets=[listener])
