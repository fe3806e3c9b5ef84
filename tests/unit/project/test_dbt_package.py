"""The dbt package in examples/dbt fits the tap's schemas, its README the package."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import dbt_package
import pytest
import yaml
from project import DEFAULT_REPORTS
from support import ROOT, SAMPLE_CONFIG

from tap_kayzen.tap import TapKayzen

PACKAGE = ROOT / "examples" / "dbt"
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
PROJECT = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text(encoding="utf-8"))
OPTIONAL = {"campaign_changelogs", "creative_performance"}
REPORT = "campaign_performance"


def blocks() -> list[dict[str, Any]]:
    """Return the YAML of the README."""
    texts = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [yaml.safe_load(text) for text in texts]


def columns_of_table(heading: str) -> dict[str, str]:
    """Return the second column of the table under a heading, by the first."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|", section, re.MULTILINE)
    return dict(rows)


def test_the_staging_layer_matches_the_schemas() -> None:
    expected = dbt_package.files()
    assert {*dbt_package.STAGING.iterdir()} == {
        *expected,
        dbt_package.STAGING / "_unit_tests.yml",
    }
    for path, text in expected.items():
        assert path.read_text(encoding="utf-8") == text, "run `make docs-pages`"


def test_every_default_stream_is_staged_by_default() -> None:
    tap = TapKayzen(config=SAMPLE_CONFIG)
    default = {name for name, each in tap.streams.items() if each.selected_by_default}
    assert dbt_package.ENTITIES.keys() == {*default, *OPTIONAL}, (
        "stage the stream in tools/dbt_package.py"
    )
    variables = PROJECT["vars"]
    assert {*variables["kayzen_streams"]} == default - {REPORT}
    assert variables["kayzen_campaign_report"] == REPORT
    assert variables["kayzen_creative_report"] is None


@pytest.mark.parametrize("staged", dbt_package.staged(), ids=lambda each: each.name)
def test_no_column_is_left_out_or_takes_the_name_of_another(
    staged: dbt_package.Staged,
) -> None:
    names = re.findall(r"^    .*?(\w+),?$", staged.sql(), re.MULTILINE)
    assert len(set(names)) == len(names) == len(staged.columns)


def test_the_version_matches_the_tap() -> None:
    assert PROJECT["version"] == version("tap-kayzen")
    assert f"revision: v{version('tap-kayzen')}\n" in README


def test_the_readme_has_every_variable_and_every_model() -> None:
    described = columns_of_table("Variables")
    assert described.keys() == PROJECT["vars"].keys()
    for name in ("kayzen_schema", "kayzen_campaign_report", "kayzen_creative_report"):
        default = PROJECT["vars"][name]
        assert described[name] == (f"`{default}`" if default else "null")
    for name in ("kayzen_lookback_days", "kayzen_stale_after_hours"):
        assert described[name] == str(PROJECT["vars"][name])
    marts = {path.stem for path in (PACKAGE / "models" / "marts").glob("*.sql")}
    assert columns_of_table("Models").keys() - {"stg_kayzen__<stream>"} == marts


def test_the_reports_in_the_readme_have_the_columns_of_the_models() -> None:
    (block,) = [each for each in blocks() if "select" in each]
    assert block["config"]["reports"] == [
        DEFAULT_REPORTS[0],
        dbt_package.CREATIVE_ENTRY,
    ]


def test_the_lookback_matches_the_tap() -> None:
    settings = TapKayzen(config=SAMPLE_CONFIG).config
    assert PROJECT["vars"]["kayzen_lookback_days"] == settings["lookback_days"]
