"""The tap class.

docs/architecture.md explains the overrides of the SDK's private methods.
"""

from __future__ import annotations

import signal
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigurationError, ConfigValidationError
from singer_sdk.tap_base import CliTestOptionValue

from tap_kayzen.api.client import KayzenClient
from tap_kayzen.cli import catalogs, files
from tap_kayzen.cli.check import check, selecting_all
from tap_kayzen.cli.command import FAILED, KayzenCommand
from tap_kayzen.cli.selection import log_selection
from tap_kayzen.config import report_validation, settings, sources, validation
from tap_kayzen.messages import file_messages, network_messages
from tap_kayzen.output.closing import ClosingLine
from tap_kayzen.output.log_lines import skipped_streams
from tap_kayzen.output.progress import Display
from tap_kayzen.output.writer import BufferedWriter
from tap_kayzen.reading import state as saved_state
from tap_kayzen.streams import all_streams
from tap_kayzen.streams.failures import Failures
from tap_kayzen.streams.lookahead import Lookahead
from tap_kayzen.streams.mapping import StreamMaps
from tap_kayzen.streams.requesting import Services
from tap_kayzen.survey.account import survey
from tap_kayzen.survey.markdown import FORMATS, FORMATS_HELP, PLACES
from tap_kayzen.survey.rejected import summary

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.singerlib import Catalog

    from tap_kayzen.streams.base import KayzenStream

TESTS = (*(each.value for each in CliTestOptionValue), *FORMATS)
"""Values of ``--test``."""


class TapKayzen(Tap):
    """Singer tap for Kayzen, the mobile advertising platform (DSP)."""

    name = "tap-kayzen"
    message_writer_class = BufferedWriter
    message_writer: BufferedWriter
    config_jsonschema: ClassVar[dict[str, Any]] = settings.ALL_SETTINGS

    def __init__(
        self,
        *,
        catalog: Catalog | dict[str, Any] | None = None,
        setup_mapper: bool = True,
        **options: Any,
    ) -> None:
        """Initialize the tap, and log which streams a sync will read.

        Args:
            catalog: The catalog; None for the default selection.
            setup_mapper: Whether streams will be read, not just listed.
            options: Other arguments of the SDK's `Tap`.
        """
        self.logger.addFilter(skipped_streams())
        if isinstance(catalog, dict):
            catalog = catalogs.repair(catalog)
        super().__init__(catalog=catalog, setup_mapper=setup_mapper, **options)
        if setup_mapper:
            log_selection(self.streams, self.input_catalog, self.config, self.logger)

    @cached_property
    def services(self) -> Services:
        """Objects shared by all streams."""
        return Services(
            client=KayzenClient(self.config),
            writer=self.message_writer,
            display=Display(self.logger),
            closing=ClosingLine(self.logger),
            failures=Failures(
                self.logger, end_run=self.config["on_stream_error"] == "abort"
            ),
            lookahead=Lookahead(
                lambda: [*self.streams.values()], self.config["concurrency"]
            ),
        )

    def discover_streams(self) -> list[KayzenStream]:
        """Return all streams, without sending any requests."""
        return all_streams(self, self.services)

    def setup_mapper(self) -> None:
        """Create the stream maps; warn about likely misspellings in reports."""
        self.mapper = StreamMaps(self.config, self.streams, self.logger)
        self.mapper.register_raw_streams_from_catalog(self.catalog)
        selected = [name for name, each in self.streams.items() if each.selected]
        reports = self.config["reports"]
        for warning in report_validation.warnings(reports, selected):
            self.logger.warning(warning)

    @cached_property
    def streams(self) -> dict[str, KayzenStream]:  # type: ignore[override]
        """Streams by name, in the order of a sync."""
        streams: list[Any] = [*super().streams.values()]
        streams.sort(key=lambda stream: stream.reading_order)
        return {stream.name: stream for stream in streams}

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog as a dictionary, sorted by stream name."""
        catalog = super().catalog_dict
        catalog["streams"].sort(key=lambda entry: entry["tap_stream_id"])
        return catalog

    def load_state(self, state: dict[str, Any]) -> None:
        """Load a state, and repair it if possible.

        Raises:
            ConfigurationError: The state is invalid.
        """
        if fault := saved_state.find_fault(state):
            raise ConfigurationError(file_messages.BAD_STATE(fault=fault))
        repaired, warnings = saved_state.repair(state)
        for warning in warnings:
            self.logger.warning(warning)
        super().load_state(repaired)

    @property
    def _env_var_config(self) -> dict[str, Any]:
        """Settings from environment variables and ``.env``."""
        return sources.from_environment(self.config_jsonschema)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Validate the settings without revealing secrets, unlike the SDK."""
        schema = self.config_jsonschema
        given = sources.tidied(self._config, schema)
        errors = validation.problems(given, schema)
        self._config = sources.normalized(given, schema, version=self.plugin_version)
        if errors and raise_errors:
            msg = "Config validation failed"
            raise ConfigValidationError(msg, errors=errors, schema=schema)
        return errors

    # The command line

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Exit with 143 on SIGTERM or 130 on Ctrl-C, without writing a STATE."""
        if not self.message_writer.is_stopping:
            name = signal.Signals(signum).name
            self.logger.warning(network_messages.STOPPED(signal=name))
        self.message_writer.stop(signum)

    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> Any:  # noqa: ANN401
        """Read the files of ``--config``, and detect their encodings."""
        environment = tuple(each for each in value if each == files.ENVIRONMENT)
        given: Any = super().cb_config(ctx, param, environment)
        given.config = files.config_of(value)
        return given

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Test the connection, print a table to stderr, and exit with 1 on failures.

        The SDK's test stops at the first failing stream and prints no table. Values in
        `FORMATS` print a survey of the account to stdout instead.
        """
        if value not in TESTS:
            msg = file_messages.BAD_TEST(choices=", ".join(TESTS), value=value)
            raise click.BadParameter(msg, ctx, param)
        if value not in {CliTestOptionValue.All.value, *FORMATS}:
            super().cb_test(ctx, param, value)
            return
        given = ctx.params["config"]
        options = {"config": given.config, "parse_env_config": given.parse_env}
        catalog = files.catalog_of(ctx.params.get("catalog"))
        if value in FORMATS:
            tap = cls(**options, catalog=catalog)
            found = tap.survey()
            click.echo(FORMATS[value](found))
            tap.logger.info(summary(found, PLACES[value]))
            ctx.exit()
        discovered = cls(**options, catalog=catalog, setup_mapper=False)
        is_chosen = discovered.has_selection
        if not is_chosen:
            catalog = selecting_all(discovered.catalog_dict)
        tap = cls(**options, catalog=catalog)
        is_good = check(tap.streams, tap.services, tap.logger, is_chosen=is_chosen)
        ctx.exit(0 if is_good else FAILED)

    @property
    def has_selection(self) -> bool:
        """Whether the user selected streams, with a catalog or with `streams`."""
        return self.input_catalog is not None or bool(self.config.get("streams"))

    def survey(self) -> dict[str, Any]:
        """Survey the API of the account, and return the report.

        The survey covers the streams that the user selected, otherwise all streams.
        """
        return survey(
            self.streams.values(),
            self.config,
            only_selected=self.has_selection,
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
        """Check the state and catalog files, and run the tap."""
        super().invoke(
            state=files.checked(state, "--state", saved_state.find_fault),
            catalog=files.checked(catalog, "--catalog", catalogs.fault),
            **options,
        )

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Create the command."""
        command = super().get_singer_command()
        for option in command.params:
            if isinstance(option, click.Option) and option.name == "test":
                option.help = f"{option.help} {FORMATS_HELP}"
            # Parse --catalog before --test, which runs during parsing.
            option.is_eager = option.is_eager or option.name == "catalog"
        return KayzenCommand.wrap(command, logger=cls.logger)
