"""Records a command in a terminal as an animated SVG. Run by `make pictures`.

The command runs in a pseudo-terminal. The animation follows its timing and shortens
long pauses. Without animation, the picture is the last screen.
"""

from __future__ import annotations

import argparse
import codecs
import errno
import fcntl
import getpass
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

COLUMNS, ROWS = 92, 40
MAX_PAUSE_SECONDS = 1.0
"""Maximum pause in the animation."""

START_SECONDS = 0.5
"""Time before the first output."""

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE = 8.43, 20, 14
PADDING, TITLE_BAR = 20, 36
STYLE = """
    text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
    .command { fill: #addb67; font-weight: bold; }
    .piece { fill: #d6deeb; animation: appear 1ms both; }
    @keyframes appear { from { visibility: hidden; } }
    @media (prefers-reduced-motion: reduce) { .piece { animation: none; } }
"""


class Piece(NamedTuple):
    """Text within one line that was written at once.

    Attributes:
        row: Line number, starting at 0.
        column: First column, starting at 0.
        text: The text.
        seconds: Time since the start.
    """

    row: int
    column: int
    text: str
    seconds: float


def record(command: Sequence[str]) -> Iterator[tuple[float, str]]:
    """Run a command in a pseudo-terminal.

    Yields:
        Seconds since the start, and the output at that time.

    Raises:
        subprocess.CalledProcessError: The command failed.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
    modes = termios.tcgetattr(theirs)
    # Do not convert newlines to CR LF.
    modes[1] &= ~termios.ONLCR
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    # `make` passes its options to its children in these variables.
    makes = ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")
    environment = {k: v for k, v in os.environ.items() if k not in makes}
    decoder = codecs.getincrementaldecoder("utf-8")()
    start = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environment, "TERM": "dumb", "COLUMNS": str(COLUMNS)},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        while chunk := _read(ours):
            yield time.monotonic() - start, decoder.decode(chunk)
    os.close(ours)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError as error:
        # Linux reports the end of output as an error.
        if error.errno == errno.EIO:
            return b""
        raise


def pieces(output: Iterable[tuple[float, str]]) -> list[Piece]:
    """Split output into pieces within lines, with long pauses shortened."""
    found = []
    row = column = 0
    shown_at = before = 0.0
    for seconds, chunk in output:
        shown_at += min(seconds - before, MAX_PAUSE_SECONDS)
        before = seconds
        for number, line in enumerate(chunk.split("\n")):
            if number:
                row, column = row + 1, 0
            assert line.isprintable(), f"control characters: {line!r}"
            if line.strip():
                found.append(Piece(row, column, line.rstrip(), shown_at))
            column += len(line)
            assert column <= COLUMNS, f"too long: {line}"
    return found


def drawing(command: str, output: Sequence[Piece]) -> str:
    """Return the SVG.

    Args:
        command: Text after the prompt.
        output: Output of the command.
    """
    width = round(COLUMNS * CELL_WIDTH) + 2 * PADDING
    height = TITLE_BAR + (output[-1].row + 2) * LINE_HEIGHT + PADDING
    dots = "".join(
        f'<circle cx="{PADDING + 20 * index}" cy="18" r="6" fill="{color}"/>'
        for index, color in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    prompt = _text(Piece(0, 0, f"$ {command}", 0.0), "command")
    lines = [
        _text(
            each._replace(row=each.row + 1, seconds=each.seconds + START_SECONDS),
            "piece",
        )
        for each in output
    ]
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'role="img" font-size="{FONT_SIZE}">'
    )
    title = f"<title>Output of {escape(command)}</title>"
    window = f'<rect width="{width}" height="{height}" rx="8" fill="#011627"/>{dots}'
    style = f"<style>{STYLE}</style>"
    return "\n".join([start, title, style, window, prompt, *lines, "</svg>\n"])


def _text(piece: Piece, kind: str) -> str:
    x = PADDING + piece.column * CELL_WIDTH
    y = TITLE_BAR + piece.row * LINE_HEIGHT + FONT_SIZE
    length = len(piece.text) * CELL_WIDTH
    # Not all viewers preserve ordinary spaces.
    text = escape(piece.text).replace(" ", "\N{NO-BREAK SPACE}")
    return (
        f'<text class="{kind}" style="animation-delay:{piece.seconds:.2f}s" '
        f'x="{x:.1f}" y="{y}" textLength="{length:.1f}">{text}</text>'
    )


def check_private(text: str) -> None:
    """Raise AssertionError if a text contains paths or names of this machine."""
    for name in (str(ROOT), str(Path.home()), socket.gethostname(), getpass.getuser()):
        is_shown = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
        assert not is_shown, f"the output contains {name!r}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="SVG to write")
    parser.add_argument("--shown", help="command to show after the prompt")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    recorded = []
    for piece in record(given.command):
        sys.stdout.write(piece[1])
        sys.stdout.flush()
        recorded.append(piece)
    svg = drawing(given.shown or " ".join(given.command), pieces(recorded))
    check_private(svg)
    given.path.write_text(svg, encoding="utf-8")
