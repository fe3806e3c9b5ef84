"""TapKayzen: settings in, streams out.

What its overrides of the SDK's private methods mend is in docs/architecture.md.
"""

from __future__ import annotations

import signal
import sys
from copy import deepcopy
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.tap_base import CliTestOptionValue

from tap_kayzen.api.client import KayzenClient
from tap_kayzen.cli import files
from tap_kayzen.cli.check import check, selecting_all
from tap_kayzen.cli.command import FAILED, KayzenCommand
from tap_kayzen.config import settings, sources, validation
from tap_kayzen.output.progress import Display
from tap_kayzen.output.writer import BufferedWriter
from tap_kayzen.streams import all_streams
from tap_kayzen.streams.base import KayzenStream, Services
from tap_kayzen.survey.account import survey
from tap_kayzen.survey.markdown import FORMATS, FORMATS_HELP

if TYPE_CHECKING:
    from types import FrameType

TESTS = (*(each.value for each in CliTestOptionValue), *FORMATS)
"""Values of ``--test``."""


class TapKayzen(Tap):
    """Singer tap for Kayzen, the mobile advertising platform (DSP)."""

    name = "tap-kayzen"
    message_writer_class = BufferedWriter
    message_writer: BufferedWriter
    config_jsonschema: ClassVar[dict[str, Any]] = deepcopy(settings.SETTINGS)

    @cached_property
    def client(self) -> KayzenClient:
        """Sends the requests of all streams."""
        return KayzenClient(self.config)

    def discover_streams(self) -> list[KayzenStream]:
        """Return all streams; nothing is requested for it."""
        services = Services(self.client, self.message_writer, Display(self.logger))
        return all_streams(self, services)

    @cached_property
    def streams(self) -> dict[str, KayzenStream]:  # type: ignore[override]
        """The streams by name, in the order in which a run reads them."""
        streams: list[Any] = [*super().streams.values()]
        streams.sort(key=lambda stream: stream.reading_order)
        return {stream.name: stream for stream in streams}

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog as a dictionary, ordered by the names of the streams."""
        catalog = super().catalog_dict
        catalog["streams"].sort(key=lambda entry: entry["tap_stream_id"])
        return catalog

    @property
    def _env_var_config(self) -> dict[str, Any]:
        """Settings from the environment, and from ``.env`` of the working directory."""
        return sources.from_environment(self.config_jsonschema)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings; unlike the SDK's own, show no secret."""
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        given = sources.tidied(self._config)
        errors = validation.problems(given, schema)
        self._config = sources.normalized(given, schema, version=self.plugin_version)
        if errors and raise_errors:
            msg = "Config validation failed"
            raise ConfigValidationError(msg, errors=errors, schema=schema)
        return errors

    # The command line

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Exit at SIGTERM and Ctrl-C with the shell's exit code; write no STATE."""
        self.logger.warning("Stopped by %s", signal.Signals(signum).name)
        sys.exit(128 + signum)

    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> Any:  # noqa: ANN401
        """Read the files of ``--config``."""
        with files.config_errors(value):
            return super().cb_config(ctx, param, value)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Test the connection: a table on stderr, and exit code 1 if it is not good.

        The SDK's own ends at the first stream that fails, and prints no table.
        A value of `FORMATS` prints the survey of the account on stdout instead.
        """
        if value in FORMATS:
            given = ctx.params["config"]
            tap = cls(config=given.config, parse_env_config=given.parse_env)
            click.echo(FORMATS[value](tap.survey()))
            ctx.exit()
        if value not in TESTS:
            msg = f"must be one of {', '.join(TESTS)}, not {value!r}"
            raise click.BadParameter(msg, ctx, param)
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        given = ctx.params["config"]
        options = {"config": given.config, "parse_env_config": given.parse_env}
        catalog = selecting_all(cls(**options).catalog_dict)
        tap = cls(**options, catalog=catalog)
        is_good = check(tap.streams, tap.client, tap.message_writer, tap.logger)
        ctx.exit(0 if is_good else FAILED)

    def survey(self) -> dict[str, Any]:
        """Ask the account for a little of everything; return what it is like."""
        return survey(
            self.streams.values(),
            self.config,
            version=self.plugin_version,
            logger=self.logger,
        )

    @classmethod
    def invoke(
        cls,
        *,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
        **options: Any,
    ) -> None:
        """Run the tap, if the files of the state and the catalog are sound."""
        super().invoke(
            state=files.checked(state, "--state", files.state_fault),
            catalog=files.checked(catalog, "--catalog", files.catalog_fault),
            **options,
        )

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Build the command line."""
        command = super().get_singer_command()
        for option in command.params:
            if isinstance(option, click.Option) and option.name == "test":
                option.help = f"{option.help} {FORMATS_HELP}"
        return KayzenCommand.wrap(command, logger=cls.logger)
