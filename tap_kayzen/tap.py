"""TapKayzen: the settings, the streams, and what all streams share."""

from __future__ import annotations

import io
import json
import signal
import sys
from copy import deepcopy
from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from typing import IO, TYPE_CHECKING, Any, ClassVar

import requests
from requests.adapters import HTTPAdapter
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigurationError, ConfigValidationError
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.tap_base import CliTestOptionValue

from tap_kayzen import streams
from tap_kayzen.api.auth import KayzenAuthenticator
from tap_kayzen.api.throttle import Throttle
from tap_kayzen.api.transport import Transport
from tap_kayzen.api.workers import Workers
from tap_kayzen.cli.check import check, selecting_all
from tap_kayzen.cli.command import FAILED, KayzenCommand
from tap_kayzen.config import settings, validation
from tap_kayzen.output.progress import Display, display
from tap_kayzen.output.redaction import Redactor
from tap_kayzen.output.writer import BufferedWriter
from tap_kayzen.reports.definition import Report

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    import click

    from tap_kayzen.streams.base import KayzenStream


class TapKayzen(Tap):
    """Singer tap for Kayzen, the mobile advertising platform (DSP)."""

    name = "tap-kayzen"
    message_writer_class = BufferedWriter
    message_writer: BufferedWriter
    config_jsonschema: ClassVar[dict[str, Any]] = deepcopy(settings.SETTINGS)

    @cached_property
    def session(self) -> requests.Session:
        """The HTTP session of all streams and of the login, with a connection each."""
        session = requests.Session()
        adapter = HTTPAdapter(pool_maxsize=self.config["concurrency"])
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        # None is needed, and threads must not write into one jar.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["User-Agent"] = self.config["user_agent"]
        return session

    @cached_property
    def throttle(self) -> Throttle:
        """The gate that all requests go through."""
        return Throttle(
            concurrency=self.config["concurrency"],
            requests_per_second=self.config.get("requests_per_second"),
        )

    @cached_property
    def workers(self) -> Workers:
        """The threads that read ahead."""
        return Workers(self.config["concurrency"])

    @cached_property
    def redactor(self) -> Redactor:
        """Who keeps secrets out of messages and of the log."""
        redactor = Redactor(self.config)
        redactor.guard()
        return redactor

    @cached_property
    def authenticator(self) -> KayzenAuthenticator:
        """The one authenticator, so that all streams use the same token."""
        return KayzenAuthenticator(
            config=self.config,
            session=self.session,
            throttle=self.throttle,
            redactor=self.redactor,
            url=f"{self.config['api_url']}/v1/authentication/token",
        )

    @cached_property
    def transport(self) -> Transport:
        """Who sends the requests of all streams."""
        return Transport(
            config=self.config,
            session=self.session,
            authenticator=self.authenticator,
            throttle=self.throttle,
            redactor=self.redactor,
        )

    @cached_property
    def display(self) -> Display:
        """Where the progress is shown."""
        return display(self.logger)

    def discover_streams(self) -> list[KayzenStream]:
        """List all streams; nothing is asked of Kayzen for it."""
        wanted: tuple[type[KayzenStream], ...] = streams.ALL
        if self.config.get("audience_api_key"):
            wanted += streams.WITH_AUDIENCE_KEY
        return [
            *(stream(self) for stream in wanted),
            *(
                streams.CustomReportStream(self, Report.of(entry))
                for entry in self.config["reports"]
            ),
        ]

    @property
    def _env_var_config(self) -> dict[str, Any]:
        """Settings from the environment.

        Overridden because the SDK's own reads no numbers, ends in a traceback when
        a value does not parse, and looks for ``.env`` near its own source code
        instead of the working directory.
        """
        return settings.from_environment(self.config_jsonschema)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings.

        Overridden because the SDK's own check prints the values of secrets, and
        knows nothing of relations between settings or of misspelt names.
        """
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        given = settings.tidied(self._config)
        errors = validation.problems(given, schema)
        self._config = settings.normalized(given, schema, version=self.plugin_version)
        if errors and raise_errors:
            msg = "Config validation failed"
            raise ConfigValidationError(msg, errors=errors, schema=schema)
        return errors

    def _handle_termination(
        self,
        signum: int,
        frame: FrameType | None,  # noqa: ARG002
    ) -> None:
        """End at SIGTERM and Ctrl-C with the shell's exit code for it.

        The SDK would exit with 0, as if the run were complete, and write a STATE
        into whatever line is being written at that moment.
        """
        self.logger.warning("Stopped by %s", signal.Signals(signum).name)
        sys.exit(128 + signum)

    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        """Read the config files.

        Raises:
            ConfigurationError: A file is missing or is not a JSON object.
        """
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, TypeError, ValueError) as error:
            # A whole JSON text instead of a path would show its secrets here, and in
            # the traceback of the SDK's error.
            paths = ("{JSON text}" if "{" in path else path for path in value)
            files = ", ".join(path for path in paths if path != "ENV")
            missing = "there is no such file"  # the SDK gives no reason
            reason = error.strerror or missing if isinstance(error, OSError) else error
            msg = f"--config {files}: must be a file with one JSON object: {reason}"
            raise ConfigurationError(msg) from (None if "{" in files else error)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Test the connection: a table on stderr, and exit code 1 if it is not good.

        The SDK's own ends at the first stream that fails, and prints no table.
        """
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        config = ctx.params.get("config", _ConfigInput())
        tap = cls(config=config.config, parse_env_config=config.parse_env)
        everything = cls(
            config=config.config,
            parse_env_config=config.parse_env,
            catalog=selecting_all(tap.catalog_dict),
        )
        ctx.exit(0 if check(everything) else FAILED)

    @classmethod
    def invoke(
        cls,
        *,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
        **options: Any,
    ) -> None:
        """Run the tap.

        Raises:
            ConfigurationError: The state or catalog file is not a JSON object.
        """
        super().invoke(
            state=_checked(state, "--state", _fault_of_state),
            catalog=_checked(catalog, "--catalog", _fault_of_catalog),
            **options,
        )

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Build the command line."""
        return KayzenCommand.wrap(super().get_singer_command(), logger=cls.logger)


def _fault_of_catalog(value: dict[str, Any]) -> str:
    """Say what is wrong with a catalog; nothing, if it is sound."""
    entries = value.get("streams")
    if not isinstance(entries, list) or not all(
        isinstance(each, dict) and "tap_stream_id" in each for each in entries
    ):
        # The SDK would select nothing, or fail without saying why.
        return "it has no list `streams` as --discover prints it"
    return ""


def _fault_of_state(value: dict[str, Any]) -> str:
    """Say what is wrong with a state; nothing, if it is sound."""
    if "bookmarks" not in value:
        # A whole STATE message, or what `meltano state get` prints: of no effect.
        for name, inner in value.items():
            if isinstance(inner, dict) and "bookmarks" in inner:
                return f"its bookmarks are in `{name}`; give only what is in there"
        return ""
    bookmarks = value["bookmarks"]
    if not isinstance(bookmarks, dict) or not all(
        isinstance(each, dict) for each in bookmarks.values()
    ):
        return "it is another JSON value"
    return ""


def _checked(
    file: IO[str] | None, option: str, fault_of: Callable[[dict[str, Any]], str]
) -> IO[str] | None:
    """Return a file with the same content, if that is a JSON object."""
    if file is None:
        return None
    text = file.read()
    try:
        value = json.loads(text)
        is_object = isinstance(value, dict)
        fault = fault_of(value) if is_object else "it is another JSON value"
    except ValueError as error:
        fault = str(error)
    if fault:
        msg = f"{option} {file.name}: must be a file with one JSON object: {fault}"
        raise ConfigurationError(msg)
    return io.StringIO(text)
