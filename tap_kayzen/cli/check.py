"""The connection test ``--test``, which reads one record of each stream."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import (
    AbortedSyncFailedException,
    AbortedSyncPausedException,
)

from tap_kayzen.api.errors import ReadError
from tap_kayzen.reading.pages import FIRST_PAGE
from tap_kayzen.streams.campaigns import ENDPOINTS, CampaignsStream
from tap_kayzen.streams.failures import Failure
from tap_kayzen.streams.requesting import Slice

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from tap_kayzen.streams.base import KayzenStream
    from tap_kayzen.streams.requesting import Services


def check(
    streams: Mapping[str, KayzenStream],
    services: Services,
    logger: logging.Logger,
    *,
    is_chosen: bool,
) -> bool:
    """Read one record of each selected stream and print a table of the results.

    The table goes to stderr. The streams cannot be used afterwards.

    Args:
        streams: All streams of the tap.
        services: Services shared by the streams.
        logger: Logger of the tap.
        is_chosen: Whether the user selected the streams, with a catalog or a setting.
            Otherwise, failures of streams that are off by default do not count.

    Returns:
        Whether all streams that a sync would read can be read.

    Raises:
        LoginError: The login failed, so no stream can be read.
        ReadError: No server can be reached.
    """
    if not logger.isEnabledFor(logging.DEBUG):
        # The SDK logs each stream as failed, because the test aborts it.
        for each in (logger, logging.getLogger("singer_sdk.metrics")):
            each.setLevel(max(logging.WARNING, each.getEffectiveLevel()))
    client, failures = services.client, services.failures
    failures.only_collect()
    client.fail_fast = True
    client.start()
    client.transport.authenticator.update_access_token()
    rows = [("stream", "readable", "first record")]
    is_good, hint = True, ""
    with _no_messages():
        for name, stream in sorted(streams.items()):
            if not stream.selected:
                continue
            stream.ABORT_AT_RECORD_COUNT = 1
            with suppress(AbortedSyncFailedException, AbortedSyncPausedException):
                stream.sync()
            rows += [(each.part, "no", each.reason) for each in failures.of(name)]
            if not stream.has_failed:
                rows.append((name, "yes", "yes" if stream.seen else "none"))
            is_needed = is_chosen or stream.selected_by_default
            is_good = is_good and not (stream.has_failed and is_needed)
            if isinstance(stream, CampaignsStream):
                lists, hint = _campaign_lists(stream)
                rows += lists
        services.writer.flush()
    # The table does not go through the log, which is redacted.
    redact = client.wire.redactor.redact
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, reachable, last in rows:
        click.echo(
            f"{name:{widths[0]}}  {reachable:{widths[1]}}  {redact(last)}", err=True
        )
    if hint:
        click.echo(hint, err=True)
    return is_good


def _campaign_lists(stream: CampaignsStream) -> tuple[list[tuple[str, str, str]], str]:
    """Read a page of both campaign lists, and return table rows and a hint."""
    rows, fields = [], {}
    slice_ = Slice(stream.contexts[0])
    for endpoint in ENDPOINTS:
        stream.path = f"/{endpoint}"
        try:
            page = stream.fetch_page(slice_, FIRST_PAGE)
            names = {name for row in page.decode() for name in row}
        except (ReadError, ValueError) as error:
            failure = Failure.of(error, stream.name, stream.label(slice_))
            rows.append((f"  {endpoint}", "no", failure.reason))
        else:
            fields[endpoint] = len(names)
            rows.append((f"  {endpoint}", "yes", f"{len(names)} fields"))
    chosen = stream.config["campaigns_endpoint"]
    best = max(fields, key=fields.__getitem__, default=chosen)
    if fields.get(best, 0) <= fields.get(chosen, 0):
        return rows, ""
    return rows, (
        f"Set `campaigns_endpoint` to `{best}` to get {fields[best]} fields instead of "
        f"{fields.get(chosen, 0)}"
    )


@contextmanager
def _no_messages() -> Generator[None]:
    """Discard Singer messages, because only the table is shown."""
    with Path(os.devnull).open("w", encoding="utf-8") as null, redirect_stdout(null):
        yield


def selecting_all(catalog: dict[str, Any]) -> dict[str, Any]:
    """Select all streams and columns of a catalog in place, and return it.

    Setting `selected` on the streams would be too late, because the SDK takes the
    columns of SCHEMA messages from the catalog.
    """
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            each["metadata"]["selected"] = True
    return catalog
