from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.company import Company
from prediction import UnknownModelError
from settings import Paths
from tests.prediction.test_gates import GOOD

importlib.import_module("orchestration.cli.predict")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    # The command hands its folders to child processes; they must not outlive the test.
    for name in ("CANDOR_CONFIG", "CANDOR_HOME", "CANDOR_LANDING"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return ["--home", str(tmp_path / "home"), "--config", str(tmp_path), "--landing", str(tmp_path)]


def publish(folders: list[str]) -> None:
    paths = Paths.resolve({}, home=Path(folders[1]), config=Path(folders[3]))
    with Company(paths).open_warehouse() as warehouse:
        warehouse.execute(
            "insert into prediction.models by name select 'trial' as model_key, 'v1' as "
            "model_version, 'champion' as status, 'ridge_logistic' as algorithm, 'it passed' as "
            "reason, $metrics as metrics, timestamp '2026-06-01' as trained_as_of",
            {"metrics": json.dumps(GOOD.as_dict(), sort_keys=True)},
        )


def test_a_company_without_models_says_so(folders: list[str]) -> None:
    result = CliRunner().invoke(app, ["predict", "list", *folders])

    assert result.exit_code == 0, result.output
    assert "Models: none" in result.output


def test_models_are_listed_for_scripts(folders: list[str]) -> None:
    publish(folders)

    result = CliRunner().invoke(app, ["predict", "list", "--json", *folders])

    (row,) = json.loads(result.stdout)
    assert (row["model"], row["status"], row["auc"]) == ("trial", "champion", 0.74)


def test_a_model_is_shown_with_its_intervals(folders: list[str]) -> None:
    publish(folders)

    result = CliRunner().invoke(app, ["predict", "show", "trial", *folders])

    assert "0.690 to 0.790" in result.output
    assert "it passed" in result.output


def test_an_unknown_model_is_named_with_those_that_there_are(folders: list[str]) -> None:
    publish(folders)

    result = CliRunner().invoke(app, ["predict", "show", "tril", *folders])

    assert isinstance(result.exception, UnknownModelError)
    assert "known: trial" in str(result.exception)
