"""The tap beside its peers, each as a whole process, against the sandbox.

Run by `make bench`. Writes README.md and the charts in this folder. The commands of a
case take turns, so that what else the machine does meets all of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import report
from report import Cost

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TAP_BIN = ROOT / ".venv" / "bin"
"""Where the tap is, without the peers' packages, some of which the SDK would load."""

PEERS = HERE / "peers"

REPEATS = 5
LATENCY = 100
CONCURRENCY = 32
CONCURRENCIES = (1, 2, 4, 8, 16, 32, 64)
SIZES = (10_000, 100_000, 300_000, 1_000_000)
ALLOWED = 5


def measure(command: Sequence[str | Path]) -> Cost:
    """Run a command to its end, its output thrown away.

    Raises:
        SystemExit: It failed.
    """
    with tempfile.TemporaryFile() as errors, Path(os.devnull).open("wb") as nothing:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=nothing, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if status:
            errors.seek(0)
            sys.exit(f"{command} failed:\n{errors.read().decode()[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


def alternate(
    commands: Mapping[str, Sequence[str | Path]], repeats: int
) -> dict[str, Cost]:
    """Run commands in turn, after one turn that does not count.

    Returns:
        The medians, by name.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, command in commands.items():
            cost = measure(command)
            print(f"  {name}: {cost.wall:.2f} s, {cost.rss:.0f} MB", flush=True)
            if turn:
                costs[name].append(cost)
    return {
        name: Cost(
            wall=median(run.wall for run in runs),
            cpu=median(run.cpu for run in runs),
            rss=median(run.rss for run in runs),
        )
        for name, runs in costs.items()
    }


@contextmanager
def sandbox(folder: Path, *options: str) -> Generator[Path]:
    """Run the sandbox as a process of its own.

    Yields:
        A config file for the tap.
    """
    program = TAP_BIN / "kayzen-sandbox"
    command = [str(program), "--port", "0", "--pre-encoded", *options]
    print(f"kayzen-sandbox {' '.join(options)}", flush=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            words = server.stdout.readline().split() if server.stdout else []
            yield config(folder, api_url=words[words.index("at") + 1])
        finally:
            server.terminate()


def config(folder: Path, **settings: object) -> Path:
    """Write a config file: that of the sandbox, with other settings."""
    sample = json.loads((ROOT / "sample_config.json").read_text(encoding="utf-8"))
    file = folder / f"{len(list(folder.iterdir()))}.json"
    file.write_text(json.dumps({**sample, **settings}), encoding="utf-8")
    return file


def at(path: Path, **settings: object) -> Path:
    """Write a config file like another one, with other settings."""
    given = json.loads(path.read_text(encoding="utf-8"))
    return config(path.parent, **{**given, **settings})


def tap(path: Path, stream: str = "campaigns") -> list[str | Path]:
    """Give the command of the tap, to read one stream alone."""
    catalog = path.with_name(f"catalog of {stream}")
    if not catalog.exists():
        command = [str(TAP_BIN / "tap-kayzen"), "--discover"]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        streams = json.loads(found.stdout)["streams"]
        wanted = [each for each in streams if each["tap_stream_id"] == stream]
        catalog.write_text(json.dumps({"streams": wanted}), encoding="utf-8")
    return [TAP_BIN / "tap-kayzen", "--config", path, "--catalog", catalog]


def log_of(command: Sequence[str | Path]) -> str:
    """Run the tap once and return its log, which counts requests and records."""
    done = subprocess.run(
        command,
        # At DEBUG, the SDK's metrics are shown.
        env={**os.environ, "TAP_KAYZEN_LOGLEVEL": "DEBUG"},
        # Not kept: the memory of a process starts as that of the one that makes it.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stderr


def template(path: Path) -> list[str | Path]:
    """Give the command of the template's tap, which needs no more than ours."""
    return [TAP_BIN / "python", PEERS / "template_tap.py", path]


def peer(script: str, path: Path, *arguments: str) -> list[str | Path]:
    """Give the command of a peer."""
    return [sys.executable, PEERS / script, path, *arguments]


def throughput(folder: Path) -> dict[str, Cost]:
    """Measure 100,000 records without latency."""
    with sandbox(folder, "--campaigns", "100000") as path:
        return alternate(
            {
                report.TAP: tap(path),
                report.TEMPLATE: template(path),
                report.AIRBYTE: peer("airbyte_source.py", path),
                report.DLT: peer("dlt_extract.py", path),
                report.JSON: peer("loop.py", path, "json"),
                report.ORJSON: peer("loop.py", path, "orjson"),
            },
            REPEATS,
        )


def latency(folder: Path) -> dict[str, Cost]:
    """Measure 1,000 pages, each with latency."""
    options = ("--campaigns", "100000", "--latency", str(LATENCY))
    with sandbox(folder, *options) as path:
        fast = alternate(
            {
                report.TAP: tap(at(path, concurrency=CONCURRENCY)),
                report.ORJSON: peer("loop.py", path, "orjson", str(CONCURRENCY)),
            },
            REPEATS,
        )
        # Minutes long: the odd tenth of a second does not matter.
        return {**fast, report.TEMPLATE: measure(template(path))}


def by_concurrency(folder: Path) -> dict[int, float]:
    """Measure records a second at several concurrencies, with latency."""
    records = 20_000
    options = ("--campaigns", str(records), "--latency", str(LATENCY))
    with sandbox(folder, *options) as path:
        commands = {str(n): tap(at(path, concurrency=n)) for n in CONCURRENCIES}
        costs = alternate(commands, 2)
    return {int(name): records / cost.wall for name, cost in costs.items()}


def memory(folder: Path) -> dict[int, Cost]:
    """Measure lists of several sizes."""
    costs = {}
    for size in SIZES:
        with sandbox(folder, "--campaigns", str(size)) as path:
            costs[size] = alternate({f"{size:,}": tap(path)}, 2)[f"{size:,}"]
    return costs


def start() -> dict[str, Cost]:
    """Measure how long it takes to start."""
    return alternate(
        {
            report.VERSION: [TAP_BIN / "tap-kayzen", "--version"],
            report.IMPORT: [TAP_BIN / "python", "-c", "import singer_sdk"],
        },
        4 * REPEATS,
    )


def limited(folder: Path) -> report.Limited:
    """Read 300 pages from a server that allows few requests a second."""
    pages = 300
    options = ("--campaigns", str(pages), "--requests-per-second", str(ALLOWED))
    with sandbox(folder, *options) as path:
        began = time.perf_counter()
        run = subprocess.run(
            tap(at(path, page_size=1)), capture_output=True, text=True, check=True
        )
        seconds = time.perf_counter() - began
    return report.Limited(ALLOWED, pages, run.stderr.count("HTTP 429"), seconds)


def main() -> None:
    """Measure everything and write it down."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        results = report.Results(
            start=start(),
            throughput=throughput(folder),
            latency=latency(folder),
            by_concurrency=by_concurrency(folder),
            memory=memory(folder),
            limited=limited(folder),
        )
    # Not sooner: the memory of a process starts as that of the one that makes it.
    import charts  # noqa: PLC0415

    charts.draw(results, HERE)
    (HERE / "README.md").write_text(report.text(results), encoding="utf-8")
    print(f"Written: {HERE / 'README.md'}")


if __name__ == "__main__":
    main()
