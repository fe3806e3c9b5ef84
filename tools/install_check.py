"""Installs a wheel the way users do, then runs its commands.

Usage: ``python tools/install_check.py WHEEL pip pipx uv``. Needs only the standard
library and the named installers. Run by `make build` and `make install-check`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import venv
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = "Scripts" if os.name == "nt" else "bin"
SUFFIX = ".exe" if os.name == "nt" else ""
CAMPAIGNS = 250
LIMIT_SECONDS = 600.0
"""Maximum duration of a command, and of the sandbox."""

UV = os.environ.get("UV", "uv")
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name != "PYTHONPATH" and not name.startswith("TAP_KAYZEN_")
} | {"TAP_KAYZEN_LOGLEVEL": "ERROR"}
"""Without ``PYTHONPATH``, so that nothing is imported from the checkout."""


def run(*command: str | Path, **environment: str) -> str:
    """Run a command and return its standard output.

    Raises:
        subprocess.CalledProcessError: The command failed.
    """
    return subprocess.run(
        [str(part) for part in command],
        env={**ENVIRONMENT, **environment},
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=LIMIT_SECONDS,
    ).stdout


def with_pip(wheel: Path, folder: Path) -> Path:
    """Install with pip, without and with the extra; return the folder of programs."""
    # The default of `python -m venv`; a copied interpreter may not find its library.
    venv.create(folder / "pip", with_pip=True, symlinks=os.name != "nt")
    programs = folder / "pip" / PROGRAMS
    pip = (programs / f"python{SUFFIX}", "-m", "pip", "install", "--quiet")
    run(*pip, wheel)
    check_tap(programs, wheel)
    run(*pip, f"{wheel}[sandbox]")
    return programs


def with_pipx(wheel: Path, folder: Path) -> Path:
    """Install with pipx; return the folder of programs."""
    programs = folder / "pipx-bin"
    run(
        *(sys.executable, "-m", "pipx", "install", f"{wheel}[sandbox]"),
        PIPX_HOME=str(folder / "pipx"),
        PIPX_BIN_DIR=str(programs),
    )
    return programs


def with_uv(wheel: Path, folder: Path) -> Path:
    """Install with uv; return the folder of programs."""
    programs = folder / "uv-bin"
    run(
        *(UV, "tool", "install", "--quiet", "--python", sys.executable),
        f"tap-kayzen[sandbox] @ {wheel.as_uri()}",
        UV_TOOL_DIR=str(folder / "uv"),
        UV_TOOL_BIN_DIR=str(programs),
    )
    return programs


INSTALLERS: dict[str, Callable[[Path, Path], Path]] = {
    "pip": with_pip,
    "pipx": with_pipx,
    "uv": with_uv,
}


def check_tap(programs: Path, wheel: Path) -> None:
    """Check that the command runs the tap of the wheel."""
    tap = programs / f"tap-kayzen{SUFFIX}"
    version = wheel.name.split("-")[1]
    assert run(tap, "--version").startswith(f"tap-kayzen v{version},")
    assert json.loads(run(tap, "--about", "--format=json"))["name"] == "tap-kayzen"


@contextmanager
def sandbox(programs: Path) -> Generator[str]:
    """Run the sandbox.

    Yields:
        URL of the sandbox.
    """
    command = [str(programs / f"kayzen-sandbox{SUFFIX}"), "--port", "0"]
    with subprocess.Popen(
        [*command, "--campaigns", str(CAMPAIGNS)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        # Otherwise, waiting for its first line or its exit might hang.
        watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            assert process.stdout
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, "The sandbox did not start"
            yield found[0]
        finally:
            process.terminate()
            process.wait()
            watchdog.cancel()


def check_sync(programs: Path, folder: Path) -> None:
    """Check that the tap writes the sandbox's campaigns to standard output."""
    settings = json.loads((ROOT / "sample_config.json").read_text(encoding="utf-8"))
    config = folder / "settings.json"
    with sandbox(programs) as url:
        config.write_text(json.dumps({**settings, "api_url": url}), encoding="utf-8")
        out = run(programs / f"tap-kayzen{SUFFIX}", "--config", config)
    messages = [json.loads(line) for line in out.splitlines()]
    campaigns = [
        message
        for message in messages
        if message["type"] == "RECORD" and message["stream"] == "campaigns"
    ]
    assert len(campaigns) == CAMPAIGNS
    assert messages[-1]["type"] == "STATE"


def check_contents(wheel: Path) -> None:
    """Check for files that check-wheel-contents does not require."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "tap_kayzen/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def main() -> None:
    """Check the wheel with each installer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("installers", nargs="+", choices=INSTALLERS)
    arguments = parser.parse_args()
    wheel = arguments.wheel.resolve()
    check_contents(wheel)
    for name in arguments.installers:
        # On Windows, files of the sandbox may still be locked after it exits.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            folder = Path(temporary)
            programs = INSTALLERS[name](wheel, folder)
            check_tap(programs, wheel)
            check_sync(programs, folder)
        print(f"{wheel.name} installed by {name} runs")


if __name__ == "__main__":
    main()
