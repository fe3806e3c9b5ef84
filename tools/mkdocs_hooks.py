"""MkDocs hooks that add Markdown files outside docs/ to the site.

These files keep their own paths and are not copied. Links in the repository are
relative to the file, as GitHub expects. The hooks rewrite them for the site, where
docs/ is the root.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs/"
HOME = "README.md"

TEST = re.compile(r"(?<=<code>)test_\w+(?=</code>)")
"""Name of a test, in which lines may break after each word."""

LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def _target(name: str, link: str) -> str:
    """Return the path in the repository that a link leads to.

    Args:
        name: Path of the file with the link.
        link: The relative link.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def _linked() -> set[str]:
    """Return the files outside docs/ that are linked, directly or indirectly."""
    todo = {HOME, *(f"{DOCS}{path.name}" for path in (ROOT / DOCS).glob("*.md"))}
    found = {HOME}
    while todo:
        name = todo.pop()
        text = (ROOT / name).read_text(encoding="utf-8")
        targets = {_target(name, link) for link in LINK.findall(text)}
        new = {each for each in targets - found if (ROOT / each).is_file()}
        found |= new
        todo |= {each for each in new if each.endswith(".md")}
    return {name for name in found if not name.startswith(DOCS)}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside docs/."""
    for name in sorted(_linked()):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(
    markdown: str,
    page: Page,
    config: MkDocsConfig,  # noqa: ARG001
    files: Files,
) -> str:
    """Rewrite links between files of the repository as links between pages."""
    here = page.file.src_uri
    is_outside = page.file.generated_by is not None
    name = here if is_outside else DOCS + here

    def on_site(link: re.Match[str]) -> str:
        target = _target(name, link[1])
        uri = target.removeprefix(DOCS)
        if target == uri and files.get_file_from_path(uri) is None:
            return link[1]
        return posixpath.relpath(uri, posixpath.dirname(here) or ".")

    return LINK.sub(on_site, markdown)


def on_page_content(
    html: str,
    page: Page,  # noqa: ARG001
    config: MkDocsConfig,  # noqa: ARG001
    files: Files,  # noqa: ARG001
) -> str:
    """Allow line breaks in names of tests, so that table columns stay readable."""
    return TEST.sub(lambda name: name[0].replace("_", "_<wbr>"), html)
