"""Prints how many mutants the tests killed in each module. Run by `make mutation`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

SURVIVED = {None, 0, 5, 33, 34}
"""What mutmut remembers of a mutant whose tests all passed, or that has none."""


def main() -> None:
    """Print a line for each module that has mutants, and one for all."""
    whole: Counter[bool] = Counter()
    for path in sorted(Path("mutants").rglob("*.py.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        if codes:
            counts = Counter(code not in SURVIVED for code in codes.values())
            tell(str(path.relative_to("mutants").with_suffix("")), counts)
            whole += counts
    tell("all", whole)


def tell(name: str, counts: Counter[bool]) -> None:
    """Print the figures of a module as a row of a table."""
    share = 100 * counts[True] / (counts[True] + counts[False])
    print(f"| `{name}` | {sum(counts.values())} | {counts[True]} | {share:.0f} % |")


if __name__ == "__main__":
    main()
