"""Benchmarks the tap and other clients as whole processes against the sandbox.

Run by `make bench`. Writes README.md and the charts in this folder. The commands of a
case alternate, so that other load on the machine affects all of them.
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
"""Environment of the tap, without packages of peers that the SDK would load."""

PEERS = HERE / "peers"

REPEATS = 5
LATENCY_MS = 100
CONCURRENCY = 32
CONCURRENCIES = (1, 2, 4, 8, 16, 32, 64)
SIZES = (10_000, 100_000, 300_000, 1_000_000)
ALLOWED_PER_SECOND = 5


def measure(command: Sequence[str | Path]) -> Cost:
    """Run a command, discard its output, and return its cost.

    Raises:
        SystemExit: The command failed.
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
    """Run commands alternately, after one round that does not count.

    Args:
        commands: Commands by name.
        repeats: Number of rounds.

    Returns:
        Median costs by name.
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
    """Run the sandbox as a separate process.

    Args:
        folder: Folder for the config file.
        options: Options of the sandbox.

    Yields:
        Path of a config file for the tap.
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
    """Write sample_config.json with other settings to a new config file."""
    sample = json.loads((ROOT / "sample_config.json").read_text(encoding="utf-8"))
    file = folder / f"{len(list(folder.iterdir()))}.json"
    file.write_text(json.dumps({**sample, **settings}), encoding="utf-8")
    return file


def at(path: Path, **settings: object) -> Path:
    """Write a config file with other settings to a new config file."""
    given = json.loads(path.read_text(encoding="utf-8"))
    return config(path.parent, **{**given, **settings})


def tap(path: Path, stream: str = "campaigns") -> list[str | Path]:
    """Return the command of the tap for a single stream.

    Args:
        path: Path of the config file.
        stream: Name of the stream.
    """
    catalog = path.with_name(f"catalog of {stream}")
    if not catalog.exists():
        command = [str(TAP_BIN / "tap-kayzen"), "--discover"]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        streams = json.loads(found.stdout)["streams"]
        wanted = [each for each in streams if each["tap_stream_id"] == stream]
        catalog.write_text(json.dumps({"streams": wanted}), encoding="utf-8")
    return [TAP_BIN / "tap-kayzen", "--config", path, "--catalog", catalog]


def log_of(command: Sequence[str | Path]) -> str:
    """Run the tap once and return its log, with counts of requests and records."""
    done = subprocess.run(
        command,
        # The SDK logs metrics at DEBUG.
        env={**os.environ, "TAP_KAYZEN_LOGLEVEL": "DEBUG"},
        # Peak RSS of later child processes includes the memory of this one.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stderr


def template(path: Path) -> list[str | Path]:
    """Return the command of the SDK template's tap, in the tap's environment."""
    return [TAP_BIN / "python", PEERS / "template_tap.py", path]


def peer(script: str, path: Path, *arguments: str) -> list[str | Path]:
    """Return the command of a peer.

    Args:
        script: File name of the script.
        path: Path of the config file.
        arguments: Other arguments.
    """
    return [sys.executable, PEERS / script, path, *arguments]


def throughput(folder: Path) -> dict[str, Cost]:
    """Benchmark 100,000 records without latency."""
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
    """Benchmark 1,000 pages with latency."""
    options = ("--campaigns", "100000", "--latency", str(LATENCY_MS))
    with sandbox(folder, *options) as path:
        fast = alternate(
            {
                report.TAP: tap(at(path, concurrency=CONCURRENCY)),
                report.ORJSON: peer("loop.py", path, "orjson", str(CONCURRENCY)),
            },
            REPEATS,
        )
        # It takes minutes, so a single run is precise enough.
        return {**fast, report.TEMPLATE: measure(template(path))}


def by_concurrency(folder: Path) -> dict[int, float]:
    """Return records per second by `concurrency`, with latency."""
    records = 20_000
    options = ("--campaigns", str(records), "--latency", str(LATENCY_MS))
    with sandbox(folder, *options) as path:
        commands = {str(n): tap(at(path, concurrency=n)) for n in CONCURRENCIES}
        costs = alternate(commands, 2)
    return {int(name): records / cost.wall for name, cost in costs.items()}


def memory(folder: Path) -> dict[int, Cost]:
    """Benchmark lists of several sizes."""
    costs = {}
    for size in SIZES:
        with sandbox(folder, "--campaigns", str(size)) as path:
            costs[size] = alternate({f"{size:,}": tap(path)}, 2)[f"{size:,}"]
    return costs


def start() -> dict[str, Cost]:
    """Benchmark the startup time."""
    return alternate(
        {
            report.VERSION: [TAP_BIN / "tap-kayzen", "--version"],
            report.IMPORT: [TAP_BIN / "python", "-c", "import singer_sdk"],
        },
        4 * REPEATS,
    )


def limited(folder: Path) -> report.Limited:
    """Benchmark 300 pages with a rate limit."""
    pages = 300
    options = (
        "--campaigns",
        str(pages),
        "--requests-per-second",
        str(ALLOWED_PER_SECOND),
    )
    with sandbox(folder, *options) as path:
        start_time = time.perf_counter()
        run = subprocess.run(
            tap(at(path, page_size=1)), capture_output=True, text=True, check=True
        )
        seconds = time.perf_counter() - start_time
    return report.Limited(
        ALLOWED_PER_SECOND, pages, run.stderr.count("HTTP 429"), seconds
    )


def main() -> None:
    """Run all benchmarks and write the page and the charts."""
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
    # Not imported earlier: peak RSS of a child process includes the parent's memory.
    import charts  # noqa: PLC0415

    charts.draw(results, HERE)
    (HERE / "README.md").write_text(report.text(results), encoding="utf-8")
    print(f"Written: {HERE / 'README.md'}")


if __name__ == "__main__":
    main()
