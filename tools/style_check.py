"""Checks docs, docstrings, and comments against docs/style.md. Run by `make lint`.

Prints a line for each fault, `path:line: "phrase": use "suggestion"`, and exits with 1
if there is any. The words come from the tables of docs/style.md.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "style.md"

MAX_WORDS = 25
"""Limit of a sentence and of a table cell. A piece of inline code counts as one."""

MAX_SUMMARY_CHARACTERS = 80

PAGES = (
    "*.md",
    ".github/*.md",
    "docs/*.md",
    "examples/**/*.md",
    "plugins/*.md",
    "tools/**/*.md",
)
CODE = ("examples/**/*.py", "tap_kayzen/**/*.py", "tests/**/*.py", "tools/**/*.py")
DATA = (
    "docs/*.json",
    "tap_kayzen/config/settings.json",
    "tap_kayzen/reports/columns.json",
    "tap_kayzen/schemas/*.json",
)

CODE_BLOCK = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--(?s:.*?)-->|^\[[^\]\n]+\]: .*$", re.MULTILINE)
GENERATED = re.compile(r"<!-- begin (\S+).*?<!-- end \1 -->", re.DOTALL)
VERBATIM = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)|\"[^\"]*\"|“[^”]*”", re.DOTALL)
LINK_TARGET = re.compile(r"(?<=\])(\([^()]*\)|\[[^\[\]]*\])|<[^<>]*>|\bhttps?://\S+")
ITEM = re.compile(r"\A\s*(?:[-*]|\d{1,2}\.|>)\s+")
CELL = re.compile(r"(?<!\\)\|")
SENTENCE_END = re.compile(r"[.!?][)*]*\s+(?=[^a-z\s])")
WORD = re.compile(r"\S*\w\S*")
RULE = re.compile(r"^\| ([^|`]+) \| (`[^|]+?)(?:; except (`[^|]+))? \|$", re.MULTILINE)
DESCRIPTION = re.compile(r'"description": "((?:[^"\\]|\\.)*)"')


class Passage(NamedTuple):
    """A piece of text.

    Attributes:
        kind: "attribute" (its docstring), "cell", "comment", "description",
            "docstring", "generated" (by a tool), "heading", or "paragraph".
        line: Number of its first line in the file.
        text: The text, with its line breaks.
    """

    kind: str
    line: int
    text: str


class Fault(NamedTuple):
    """A fault: its line in the file, the text, and how to write it instead."""

    line: int
    text: str
    use: str

    def __str__(self) -> str:
        """Format everything after the path."""
        text = " ".join(self.text.split())
        return f'{self.line}: "{text}": use "{self.use}"'


class Rules(NamedTuple):
    """Patterns of rejected phrases with what to use instead.

    Attributes:
        anywhere: Patterns of phrases.
        headings: Patterns of the start of a heading.
        docstrings: Patterns of the start of a docstring.
    """

    anywhere: dict[re.Pattern[str], str]
    headings: dict[re.Pattern[str], str]
    docstrings: dict[re.Pattern[str], str]


def rules(guide: str) -> Rules:
    """Read the tables of docs/style.md."""
    words, headings, docstrings = (
        {
            re.compile(rf"{start}(?!{_any(exceptions)}){_any([phrase])}", flags): use
            for use, phrases, exceptions in _rows(guide, title)
            for phrase in phrases
        }
        for title, start, flags in [
            ("Words", r"\b", re.IGNORECASE),
            ("Headings", r"\A", 0),
            ("Docstrings", r"\A", 0),
        ]
    )
    return Rules(words, headings, docstrings)


def _rows(guide: str, title: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Read a table: what to use, rejected phrases, and exceptions from them."""
    section = guide.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    for use, *phrases in RULE.findall(section):
        rejected, exceptions = (re.findall(r"`([^`]+)`", each) for each in phrases)
        yield use, rejected, exceptions


def _any(phrases: list[str]) -> str:
    """Return a pattern of any of the phrases, in whole words."""
    words = (r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    return rf"(?:{'|'.join(words)})\b" if phrases else "(?!)"


def _blank(match: re.Match[str]) -> str:
    """Keep only the line breaks, which line numbers depend on."""
    return "\n" * match[0].count("\n")


def prose(text: str) -> str:
    """Replace what is not prose: inline code and quotes by a word, URLs by nothing."""
    text = VERBATIM.sub(lambda match: "Code" + _blank(match), text)
    return LINK_TARGET.sub(_blank, text)


def markdown(text: str) -> Iterator[Passage]:
    """Split a page into headings, table cells, and paragraphs or items of lists."""
    generated = {
        text.count("\n", 0, block.start()) + 1 + offset
        for block in GENERATED.finditer(text)
        for offset in range(block[0].count("\n"))
    }
    text = COMMENT.sub(_blank, CODE_BLOCK.sub(_blank, text))
    paragraph: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        is_block = line.startswith(("#", "|")) or not line.strip()
        if paragraph and (is_block or ITEM.match(line)):
            start = number - len(paragraph)
            kind = "generated" if start in generated else "paragraph"
            yield Passage(kind, start, "\n".join(paragraph))
            paragraph = []
        if line.startswith("#"):
            yield Passage("heading", number, line.lstrip("# "))
        elif line.startswith("|"):
            kind = "generated" if number in generated else "cell"
            cells = CELL.split(VERBATIM.sub(lambda m: m[0].replace("|", " "), line))
            yield from (Passage(kind, number, cell.strip()) for cell in cells)
        elif not is_block and (paragraph or not line.startswith("    ")):
            paragraph.append(ITEM.sub("", line, count=1))


def python(text: str) -> Iterator[Passage]:
    """Find the docstrings, also those of attributes, and the comments of a module."""
    for node in ast.walk(ast.parse(text)):
        body: Any = getattr(node, "body", None)
        for child in body if isinstance(body, list) else ():
            if (
                isinstance(child, ast.Expr)
                and isinstance(child.value, ast.Constant)
                and isinstance(child.value.value, str)
            ):
                kind = "docstring" if child is body[0] else "attribute"
                yield Passage(kind, child.lineno, child.value.value)
    comments = [
        token
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    numbered = enumerate(comments)
    for _, group in groupby(numbered, lambda item: item[1].start[0] - item[0]):
        block = [token for _, token in group]
        lines = "\n".join(token.string.lstrip("#: ") for token in block)
        yield Passage("comment", block[0].start[0], lines)


def descriptions(text: str) -> Iterator[Passage]:
    """Find the descriptions in a JSON file, each on its own line."""
    for number, line in enumerate(text.split("\n"), 1):
        for description in DESCRIPTION.findall(line):
            yield Passage("description", number, description)


READERS = {".md": markdown, ".py": python, ".json": descriptions}


def faults(passage: Passage, rules: Rules) -> Iterator[Fault]:
    """Find all faults of a passage."""
    kind, first, raw = passage
    text = prose(raw)
    patterns = dict(rules.anywhere)
    if kind == "heading" and not text.endswith("?"):
        patterns |= rules.headings
    if kind in {"attribute", "docstring"}:
        patterns |= rules.docstrings
    if kind == "docstring":
        yield from _summary_faults(first, raw)
    for pattern, use in patterns.items():
        for match in pattern.finditer(text):
            yield Fault(first + text.count("\n", 0, match.start()), match[0], use)
    if kind == "cell" and len(WORD.findall(text)) > MAX_WORDS:
        yield Fault(first, _beginning(text), f"at most {MAX_WORDS} words a cell")
    if kind == "paragraph":
        start = 0
        for end in [*(match.end() for match in SENTENCE_END.finditer(text)), None]:
            sentence = text[start:end]
            if len(WORD.findall(sentence)) > MAX_WORDS:
                line = first + text.count("\n", 0, start)
                use = f"at most {MAX_WORDS} words a sentence"
                yield Fault(line, _beginning(sentence), use)
            start = end or 0


def _summary_faults(line: int, docstring: str) -> Iterator[Fault]:
    summary = docstring.strip().partition("\n")[0]
    if len(summary) > MAX_SUMMARY_CHARACTERS:
        use = f"at most {MAX_SUMMARY_CHARACTERS} characters"
        yield Fault(line, _beginning(summary), use)
    if not summary.endswith("."):
        yield Fault(line, _beginning(summary), "one sentence with a period")


def _beginning(text: str) -> str:
    return " ".join(text.split()[:6]) + " …"


def check(root: Path, rules: Rules) -> Iterator[str]:
    """Find all faults in a copy of the repository, sorted by file and line."""
    paths = {path for name in (*PAGES, *CODE, *DATA) for path in root.glob(name)}
    for path in sorted(paths):
        text = path.read_text(encoding="utf-8")
        found = {
            fault
            for passage in READERS[path.suffix](text)
            for fault in faults(passage, rules)
        }
        name = path.relative_to(root).as_posix()
        yield from (f"{name}:{fault}" for fault in sorted(found))


def main() -> None:
    """Print the faults of this repository."""
    found = list(check(ROOT, rules(GUIDE.read_text(encoding="utf-8"))))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
