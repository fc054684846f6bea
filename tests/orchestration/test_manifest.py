"""The parsed dbt project, shown on a project of one model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.errors import DbtProjectError
from orchestration.manifest import load_manifest, parsed_project
from settings import Paths

PROJECT_YML = """\
name: tiny
version: "1.0.0"
config-version: 2
profile: tiny
flags: {send_anonymous_usage_stats: false}
"""
PROFILES_YML = """\
tiny:
  target: embedded
  outputs:
    embedded: {type: duckdb, path: "{{ env_var('CANDOR_WAREHOUSE', ':memory:') }}"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(PROJECT_YML)
    (folder / "profiles.yml").write_text(PROFILES_YML)
    (folder / "models" / "one.sql").write_text("select 1 as number")
    return folder


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.resolve({}, home=tmp_path / "home")


def test_what_is_parsed_is_not_parsed_again(project: Path, paths: Paths) -> None:
    first = parsed_project(paths, project=project)
    made_at = first.manifest.stat().st_mtime_ns
    os.utime(project / "models" / "one.sql")

    again = parsed_project(paths, project=project)

    assert again == first
    assert again.manifest.stat().st_mtime_ns == made_at


def test_a_changed_model_is_parsed_anew(project: Path, paths: Paths) -> None:
    parsed_project(paths, project=project)
    (project / "models" / "two.sql").write_text("select 2 as number")

    nodes = load_manifest(parsed_project(paths, project=project)).nodes

    assert set(nodes) == {"model.tiny.one", "model.tiny.two"}


def test_a_project_that_cannot_be_written_is_parsed_into_the_data_home(
    project: Path, paths: Paths
) -> None:
    (project / "target").write_text("a file where the folder would be")

    parsed = parsed_project(paths, project=project)

    assert parsed.manifest.is_relative_to(paths.home)
    assert "model.tiny.one" in json.loads(parsed.manifest.read_text())["nodes"]


def test_a_project_that_does_not_parse_says_so_and_leaves_nothing(
    project: Path, paths: Paths
) -> None:
    (project / "models" / "one.sql").write_text("select * from {{ ref('nowhere') }}")

    with pytest.raises(DbtProjectError, match="nowhere"):
        parsed_project(paths, project=project)

    assert list((project / "target" / "parsed").iterdir()) == []


def test_processes_that_parse_at_once_do_not_disturb_each_other(
    project: Path, paths: Paths
) -> None:
    script = (
        "import sys, pathlib; from settings import Paths; from orchestration.manifest import *;"
        "paths = Paths.resolve({}, home=pathlib.Path(sys.argv[2]));"
        "print(len(load_manifest(parsed_project(paths, project=pathlib.Path(sys.argv[1]))).nodes))"
    )
    command = [sys.executable, "-c", script, str(project), str(paths.home)]

    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=120)[0].strip() for process in running]

    assert answers == ["1", "1", "1"]


def test_parsing_puts_the_environment_back(
    project: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDOR_WAREHOUSE", "mine")

    parsed_project(paths, project=project)

    assert os.environ["CANDOR_WAREHOUSE"] == "mine"
