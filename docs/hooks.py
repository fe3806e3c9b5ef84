"""What MkDocs does beyond its settings: pages from outside of docs/.

The repository's other Markdown files are pages of the site too, under their own paths,
without a copy. Links are written as GitHub wants them, relative to the file, and are
turned here into the site's, in which docs/ is the root.
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
OUTSIDE = (
    "*.md",
    "LICENSE",
    "benchmarks/*.md",
    "benchmarks/*.svg",
    "examples/*/*.md",
    "examples/**/*.svg",
    "examples/dagster/*.py",
    "examples/dagster/*.yaml",
    "meltano.yml",
    "sample_config.json",
)
"""What pages may link to beside docs/."""
TEMPLATES = {"benchmarks/template.md"}

LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files from outside of docs/."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if name not in TEMPLATES:
                files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(
    markdown: str,
    page: Page,
    config: MkDocsConfig,  # noqa: ARG001
    files: Files,
) -> str:
    """Turn links between files of the repository into links between pages."""
    here = page.file.src_uri
    is_outside = page.file.generated_by is not None
    folder = posixpath.dirname(here if is_outside else DOCS + here)

    def on_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[1]))
        uri = target.removeprefix(DOCS)
        if target == uri and files.get_file_from_path(uri) is None:
            return link[1]
        return posixpath.relpath(uri, posixpath.dirname(here) or ".")

    return LINK.sub(on_site, markdown)
