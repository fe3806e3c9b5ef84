"""The site of docs/ can be read on small screens."""

from __future__ import annotations

import re

import pytest
import yaml
from support import ROOT

SMALL = 500
"""Width in pixels of the smallest screens that count."""

PX_PER_EM = 16
CONFIG = ROOT / "tools" / "mkdocs.yml"


@pytest.mark.skipif(not CONFIG.exists(), reason="a package does not hold it")
def test_wide_tables_scroll_on_small_screens() -> None:
    site = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    (name,) = site["extra_css"]
    css = (ROOT / "docs" / name).read_text(encoding="utf-8")
    pattern = r"@media screen and \(max-width: (\d+)em\) \{\n(.*?)^\}"
    ((width, rules),) = re.findall(pattern, css, re.MULTILINE | re.DOTALL)
    assert int(width) * PX_PER_EM >= SMALL
    # As wide as its text, but for long texts.
    assert "width: max-content;" in rules
    assert re.search(r":is\(th, td\) \{[^}]*max-width: \d+rem;", rules)
    assert re.search(r"td code \{[^}]*word-break: normal;", css)


def test_names_of_tests_may_break_on_the_site() -> None:
    hooks = pytest.importorskip("mkdocs_hooks")
    html = "<td><code>test_a_name</code>, <code>max_retries</code>, test_b</td>"
    shown = hooks.on_page_content(html, None, None, None)
    assert shown == html.replace("test_a_name", "test_<wbr>a_<wbr>name")
