from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from watchdog import OverdueError, finished, watched

if TYPE_CHECKING:
    from collections.abc import Generator

SILENT = "import signal; signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
CHILD = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {SILENT!r}], close_fds=False)
"""
"""It ends, but its child keeps its output open."""

FAR_CHILD = f"""
import subprocess, sys
command = [sys.executable, "-c", {SILENT!r}]
subprocess.Popen(command, close_fds=False, start_new_session=True).wait()
"""
"""It waits for a child in its own process group."""

SHORT = 0.2


@pytest.fixture
def held() -> Generator[tuple[int, int]]:
    """A pipe whose second end the processes get: it is read empty after the last."""
    ours, theirs = os.pipe()
    yield ours, theirs
    os.close(ours)


@pytest.mark.parametrize("code", [SILENT, DEAF, CHILD, FAR_CHILD])
def test_a_process_that_does_not_end_leaves_nothing_behind(
    code: str, held: tuple[int, int]
) -> None:
    ours, theirs = held
    command = [sys.executable, "-c", code]
    with pytest.raises(OverdueError, match=r"still running after 0\.2 s: "):
        finished(command, limit=SHORT, pass_fds=[theirs])
    os.close(theirs)
    assert os.read(ours, 1) == b""


def test_an_overdue_process_is_the_error_despite_later_errors() -> None:
    command = [sys.executable, "-c", SILENT]
    with (  # noqa: PT012
        pytest.raises(OverdueError) as caught,
        watched(command, limit=SHORT, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readlines() == ["something\n"]
    assert isinstance(caught.value.__cause__, AssertionError)


def test_a_test_that_fails_does_not_wait_for_its_process(
    held: tuple[int, int],
) -> None:
    ours, theirs = held
    with (  # noqa: PT012
        pytest.raises(ZeroDivisionError),
        watched([sys.executable, "-c", SILENT], pass_fds=[theirs]) as process,
    ):
        os.close(theirs)
        _ = 1 / 0
    assert process.returncode == -signal.SIGKILL
    assert os.read(ours, 1) == b""


def test_a_process_that_ends_is_returned_normally() -> None:
    code = "import sys; print(sys.stdin.read()); sys.exit('wrong')"
    done = finished([sys.executable, "-c", code], given="text")
    assert (done.returncode, done.stdout, done.stderr) == (1, "text\n", "wrong\n")
    with pytest.raises(subprocess.CalledProcessError):
        finished([sys.executable, "-c", code], given="text", check=True)
