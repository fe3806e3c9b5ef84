"""The pages and the issue template about account reports are true."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import yaml
from support import ROOT

from tap_kayzen.survey.account import MAX_REPORTS
from tap_kayzen.survey.observe import FOLDED, MAX_NAMES, MAX_SHAPES
from tap_kayzen.survey.shapes import HIDDEN, MAX_SHAPE_CHARS

SCHEMA = json.loads((ROOT / "docs" / "account-report.schema.json").read_text())


def page(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def test_the_entry_shown_is_valid() -> None:
    text = (ROOT / "docs" / "account-report.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"(?s)```json\n(.*?)```", text)
    definitions = {**SCHEMA["$defs"]["call"], "$defs": SCHEMA["$defs"]}
    jsonschema.validate(json.loads(shown), definitions)


def test_the_pages_are_right_about_names_and_shapes() -> None:
    assert f"replaced by `{HIDDEN}`; more than {MAX_NAMES}" in page("first-run.md")
    assert f"by `{FOLDED}`" in page("first-run.md")
    words = {5: "five"}
    assert f"up to {words[MAX_REPORTS]} of your `reports`" in page("first-run.md")
    assert f"at most {words[MAX_SHAPES]} per column" in page("account-report.md")
    assert SCHEMA["$defs"]["field"]["properties"]["shapes"]["items"] == {
        "type": "string",
        "maxLength": MAX_SHAPE_CHARS,
    }


@pytest.mark.skipif(not (ROOT / ".github").exists(), reason="not a clone")
def test_the_issue_template_asks_for_the_report() -> None:
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / "failed-on-my-account.yml"
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    introduction, *fields = form["body"]
    assert "--test=report > report.md" in introduction["attributes"]["value"]
    required = {
        field["id"] for field in fields if field.get("validations", {}).get("required")
    }
    assert required == {"what", "report", "version"}
    assert form["name"] in page("first-run.md")
