"""The commands of docs/quick-start.md lead from an empty Meltano project to rows."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml
from databases import without_schemas
from support import ROOT, SAMPLE_CONFIG
from watchdog import finished

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.xdist_group("quick start")

PAGE = (ROOT / "docs" / "quick-start.md").read_text(encoding="utf-8")
(SECTION,) = re.findall(r"^## Meltano\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
LINES = re.findall(r"^    (\w.*)$", SECTION, re.MULTILINE)
VARIABLES = [line.partition("=")[0] for line in LINES if re.match(r"[A-Z_]+=", line)]
COMMANDS = LINES[len(VARIABLES) :]
FIRST_ROWS = COMMANDS.index("meltano run tap-kayzen target-postgres") + 1
(SECOND_LOADER,) = re.findall(r"^```yaml\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
EXAMPLE = ROOT / "examples" / "meltano"

LOCKS = {"tap-kayzen.yml": "tap", "target-postgres.yml": "targets"}
"""The lock that has each definition's packages, so that new releases break no test."""


@dataclass
class Project:
    """A Meltano project of a user.

    Attributes:
        folder: Where it is. It has no plugins yet.
        dataset: What the sandbox serves.
        database: The address of the database.
        api_url: The address of the sandbox.
    """

    folder: Path
    dataset: Dataset
    database: str
    api_url: str

    @property
    def meltano_yml(self) -> Path:
        return self.folder / "meltano.yml"

    @property
    def plugins(self) -> dict[str, Any]:
        """The plugins in meltano.yml."""
        content = yaml.safe_load(self.meltano_yml.read_text())
        plugins: dict[str, Any] = content["plugins"]
        return plugins

    def write_env(self, names: list[str]) -> None:
        """Write `.env` for the sandbox and the database, and empty the database."""
        login = {f"TAP_KAYZEN_{k.upper()}": v for k, v in SAMPLE_CONFIG.items()}
        _, _, rest = self.database.partition("://")
        login["TARGET_POSTGRES_SQLALCHEMY_URL"] = f"postgresql+psycopg://{rest}"
        values = {name: login[name] for name in names}
        values["TAP_KAYZEN_API_URL"] = self.api_url
        lines = [f"{name}='{value}'\n" for name, value in values.items()]
        (self.folder / ".env").write_text("".join(lines))
        without_schemas(self.database, "kayzen")

    def run(self, command: str) -> str:
        """Run one of the page's commands; return what it prints."""
        program, *arguments = shlex.split(command)
        if program == "git":
            # The working copy, committed or not.
            assert arguments == ["clone", "/path/to/tap-kayzen"]
            (self.folder / "tap-kayzen").symlink_to(ROOT)
            return ""
        assert program == "meltano"
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MELTANO_", "TAP_", "TARGET_"))
        }
        for definition, lock in LOCKS.items():
            if definition in command:
                path = f"tap-kayzen/tools/requirements/{lock}.txt"
                environment["UV_CONSTRAINT"] = path
        done = finished(
            [Path(sys.executable).with_name("meltano"), *arguments],
            limit=300,
            cwd=self.folder,
            env={
                **environment,
                "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
                "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
                # Nothing listens there: Meltano must not need the hub.
                "MELTANO_HUB_URL": "http://127.0.0.1:9",
                "NO_PROXY": "127.0.0.1",
                "UV_BUILD_CONSTRAINT": "tap-kayzen/tools/requirements/build.txt",
            },
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            connection.execute("SET search_path TO kayzen")
            return connection.execute(sql.encode()).fetchall()

    def tables(self) -> set[str]:
        found = self.rows(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'kayzen'"
        )
        return {name for (name,) in found}


@pytest.fixture(scope="module")
def empty(server: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Project]:
    """Provide an empty project, and the sandbox."""
    folder = tmp_path_factory.mktemp("project")
    dataset = Dataset(campaigns=50, seed=1)
    with running(create_app(dataset, Access(Credentials()))) as url:
        project = Project(folder, dataset, server, url)
        project.meltano_yml.write_text(
            "default_environment: dev\nenvironments:\n- name: dev\n"
        )
        yield project


@pytest.fixture(scope="module")
def project(empty: Project) -> Project:
    """Provide a project in which all has been done that leads to the first rows."""
    empty.write_env(VARIABLES)
    for command in COMMANDS[:FIRST_ROWS]:
        empty.run(command)
    return empty


def test_four_commands_lead_to_rows(project: Project) -> None:
    assert FIRST_ROWS <= 4
    block = "".join(f"    {command}\n" for command in COMMANDS[:FIRST_ROWS])
    assert block in (ROOT / "README.md").read_text(encoding="utf-8")
    (tap,) = project.plugins["extractors"]
    assert project.tables() == {each.removesuffix(".*") for each in tap["select"]}
    count = "SELECT count(*), count(status) FROM campaigns"
    assert project.rows(count) == [(50, 50)], "the full objects"
    assert project.rows("SELECT count(*) > 0 FROM campaign_performance") == [(True,)]
    assert len(project.meltano_yml.read_text().splitlines()) < 160


def test_the_schedule_of_the_page_marks_what_is_deleted_later(project: Project) -> None:
    gone = next(iter(project.dataset.campaigns.values()))[3]["id"]
    assert project.dataset.delete_campaign(gone)
    for command in COMMANDS[FIRST_ROWS:]:
        project.run(command)
    run = "meltano schedule run kayzen-daily"
    assert f"`{run}`" in SECTION
    project.run(run)
    marked = "SELECT id FROM campaigns WHERE _sdc_deleted_at IS NOT NULL"
    assert project.rows(marked) == [(gone,)]
    assert project.rows("SELECT count(*) FROM campaigns") == [(50,)]


def test_adding_again_keeps_config_and_select(project: Project) -> None:
    add = next(each for each in COMMANDS if "tap-kayzen.yml" in each)
    text = project.meltano_yml.read_text()
    (added,) = project.plugins["extractors"]
    for old, new in (
        ("campaigns_endpoint: campaigns", "page_size: 7"),
        ("    - balance.*\n", ""),
        ("- {name: page_size", "- {name: outdated"),
    ):
        assert old in text
        text = text.replace(old, new)
    project.meltano_yml.write_text(text)
    (changed,) = project.plugins["extractors"]
    project.run(add.replace("add ", "add --no-install "))
    (updated,) = project.plugins["extractors"]
    assert changed["settings"] != added["settings"]
    kept = {key: changed[key] for key in ("config", "select", "load_schema")}
    assert updated == {**added, **kept}


def test_a_loader_of_other_taps_is_inherited(project: Project) -> None:
    settings = yaml.safe_load(project.meltano_yml.read_text())
    (loader,) = settings["plugins"]["loaders"]
    loader["config"] = {}
    (heir,) = yaml.safe_load(SECOND_LOADER)["plugins"]["loaders"]
    settings["plugins"]["loaders"].append(heir)
    project.meltano_yml.write_text(yaml.safe_dump(settings))
    shown = project.run(f"meltano config print --format=env {heir['name']}")
    prefix = heir["name"].replace("-", "_").upper()
    for name, value in heir["config"].items():
        assert f"\n{prefix}_{name.upper()}='{str(value).lower()}'\n" in f"\n{shown}"
    assert f"{prefix}_SQLALCHEMY_URL=" in shown, "from .env, under the other's name"


def test_the_example_reads_its_two_reports(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".meltano", ".env"))
    example = Project(folder, project.dataset, project.database, project.api_url)
    variables = (folder / ".env.example").read_text()
    example.write_env(re.findall(r"^(\w+)=", variables, re.MULTILINE))
    (folder / "tap-kayzen").symlink_to(ROOT)
    # The same plugins, so Meltano does not install them again.
    (folder / ".meltano").mkdir()
    for kind in ("extractors", "loaders"):
        theirs = project.folder / ".meltano" / kind
        (folder / ".meltano" / kind).symlink_to(theirs)
    run = "meltano run kayzen-to-postgres"
    assert f"    {run}\n" in (EXAMPLE / "README.md").read_text()
    example.run(run)
    (tap,) = example.plugins["extractors"]
    assert example.tables() == {each.removesuffix(".*") for each in tap["select"]}
    countries = "SELECT count(DISTINCT country) > 1 FROM spend_by_country"
    assert example.rows(countries) == [(True,)]
