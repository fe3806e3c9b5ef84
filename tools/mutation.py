"""Prints how many mutants the tests killed in each module. Run by `make mutation`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

SURVIVED = {None, 0, 5, 33, 34}
"""Exit codes that mutmut stores for survivors and for mutants without tests."""


def main() -> None:
    """Print a table row for each module with mutants, and one for the total."""
    total: Counter[bool] = Counter()
    for path in sorted(Path("mutants").rglob("*.py.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        if codes:
            counts = Counter(code not in SURVIVED for code in codes.values())
            print_row(str(path.relative_to("mutants").with_suffix("")), counts)
            total += counts
    print_row("all", total)


def print_row(name: str, counts: Counter[bool]) -> None:
    """Print the counts of a module as a table row.

    Args:
        name: Path of the module.
        counts: Number of mutants by whether they were killed.
    """
    share = 100 * counts[True] / (counts[True] + counts[False])
    print(f"| `{name}` | {sum(counts.values())} | {counts[True]} | {share:.0f} % |")


if __name__ == "__main__":
    main()
