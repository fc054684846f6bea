from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import predict
from orchestration.cli.app import app
from orchestration.cli.codes import INPUT
from orchestration.cli.exits import exit_code
from orchestration.cli.output import console
from orchestration.company import Company
from orchestration.errors import MissingHomeError, UnsupportedFormatError
from prediction import UnknownModelError, UnknownVersionError
from prediction.cards import as_markdown
from privacy import PersonalNoteError
from settings import Paths
from tests.prediction.test_gates import EQUAL, GOOD

for name in ("predict", "predict_versions", "lift", "readiness"):
    importlib.import_module(f"orchestration.cli.{name}")


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


def test_a_home_that_no_run_has_made_is_not_made_by_looking(folders: list[str]) -> None:
    result = CliRunner().invoke(app, ["predict", "list", *folders])

    assert isinstance(result.exception, MissingHomeError)
    assert not Path(folders[1]).exists()


def test_a_company_without_models_says_so(folders: list[str]) -> None:
    paths = Paths.resolve({}, home=Path(folders[1]), config=Path(folders[3]))
    with Company(paths).open_warehouse():
        pass

    result = CliRunner().invoke(app, ["predict", "list", *folders])

    assert result.exit_code == 0, result.output
    assert "Models: none" in result.output


def _score(folders: list[str], table: str, scores: str) -> None:
    """Write scores of the model, as the query has them beside their model and date."""
    paths = Paths.resolve({}, home=Path(folders[1]), config=Path(folders[3]))
    with Company(paths).open_warehouse() as warehouse:
        warehouse.execute(
            f"insert into prediction.{table} by name select 'trial' as model_key, "
            f"timestamp '2026-06-01' as as_of, {scores}"
        )


def test_models_are_listed_for_scripts(folders: list[str]) -> None:
    publish(folders)

    result = CliRunner().invoke(app, ["predict", "list", "--json", *folders])

    (row,) = json.loads(result.stdout)
    assert (row["model"], row["status"], row["auc"]) == ("trial", "champion", 0.74)


def test_a_model_is_shown_with_its_intervals(
    folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_width", 160)
    publish(folders)

    _score(folders, "propensity_scores", "'p1' as person_id, 'model' as source, 1 as decile")

    result = CliRunner().invoke(app, ["predict", "show", "trial", *folders])

    text = " ".join(result.output.split())
    assert "0.690 to 0.790" in text
    assert "it passed" in text
    assert "of the persons judged at the later date" in text
    assert "calibration error" in text
    assert "calibration slope" in text
    assert "how far scores are from what happened" in text
    assert (
        "Scored as of 2026-06-01, others than those judged: 1 person, by model. Their deciles are"
        in text
    )


def test_of_companies_that_nothing_answers_for_no_decile_is_told(
    folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_width", 160)
    publish(folders)
    three = "'a' || n as account_id, 'insufficient' as source from range(3) as t (n)"
    _score(folders, "account_scores", three)

    text = " ".join(CliRunner().invoke(app, ["predict", "show", "trial", *folders]).output.split())

    assert "of the accounts judged at the later date" in text
    assert (
        "As of 2026-06-01 nothing answers for 3 accounts: they have no score and no decile." in text
    )
    assert "persons" not in text
    assert "tenths" not in text


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        (
            {1: 41, 2: 305},
            "no tenths of them: 41 in decile 1, 305 in decile 2; 1 is the likeliest.",
        ),
        (dict.fromkeys(range(1, 11), 35), "Their deciles are tenths of them; 1 is the likeliest."),
        ({1: 2, 2: 2, **dict.fromkeys(range(3, 11), 1)}, "Their deciles are tenths of them"),
        ({1: 1, 2: 1, 3: 1}, "Their deciles are tenths of them"),
    ],
)
def test_deciles_of_few_different_scores_are_told_with_their_sizes(
    sizes: dict[int, int], told: str
) -> None:
    rows = [{"decile": decile, "persons": persons} for decile, persons in sizes.items()]

    assert told in predict._deciles(rows, sum(sizes.values()))


def test_of_equal_scores_what_cannot_be_told_is_said_in_words() -> None:
    rows = predict._figures(EQUAL.as_dict(), predict.JUDGED)
    shown = {row["measure"]: row["value"] for row in rows}
    untold = {name for name, value in shown.items() if value.startswith("cannot be told")}
    assert untold == {"AUC", "calibration slope", "lift of the top tenth"}
    assert not any("inf" in value for value in shown.values())
    assert "inf" not in as_markdown("Card", {"How good it is": EQUAL.as_dict()}).decode()


def test_an_unknown_model_is_named_with_those_that_there_are(folders: list[str]) -> None:
    publish(folders)

    result = CliRunner().invoke(app, ["predict", "show", "tril", *folders])

    assert isinstance(result.exception, UnknownModelError)
    assert "known: trial" in str(result.exception)


def test_a_version_is_put_in_force_and_the_history_says_who_and_why(folders: list[str]) -> None:
    publish(folders)
    paths = Paths.resolve({}, home=Path(folders[1]), config=Path(folders[3]))
    with Company(paths).open_warehouse() as warehouse:
        warehouse.execute(
            "insert into prediction.models by name select * replace ('rule-1' as model_version, "
            "'retired' as status, 'rule' as algorithm, true as is_passed) from prediction.models"
        )
    why = ["--why", "the form was broken", "--by", "Ana"]
    whose = [["--by", "ana@maple.example"], ["--why", "as +49\u2011151\u201112345678 said"]]

    for named in whose:
        order = ["trial", "rule-1", *why, *named]
        refused = CliRunner().invoke(app, ["predict", "promote", *order, *folders])
        assert isinstance(refused.exception, PersonalNoteError)
    done = CliRunner().invoke(app, ["predict", "promote", "trial", "rule-1", *why, *folders])
    told = CliRunner().invoke(app, ["predict", "history", "trial", "--json", *folders])
    listed = CliRunner().invoke(app, ["predict", "versions", "trial", "--json", *folders])

    assert done.exit_code == 0, done.output
    (row,) = json.loads(told.stdout)
    assert (row["changed_by"], row["reason"]) == ("Ana", "the form was broken")
    assert (row["version"], row["previous"]) == ("rule-1", "v1")
    assert {v["version"]: v["status"] for v in json.loads(listed.stdout)} == {
        "v1": "retired", "rule-1": "champion",
    }  # fmt: skip


def test_a_version_that_is_not_there_is_an_error_of_what_was_given(folders: list[str]) -> None:
    publish(folders)
    order = ["trial", "v99", "--why", "it was better"]

    result = CliRunner().invoke(app, ["predict", "promote", *order, *folders])

    assert isinstance(result.exception, UnknownVersionError)
    assert exit_code(result.exception) == INPUT


@pytest.mark.parametrize("command", [["lift", "report"], ["readiness"]])
def test_a_page_is_written_into_a_file_that_says_so_alone(
    folders: list[str], tmp_path: Path, command: list[str]
) -> None:
    result = CliRunner().invoke(app, [*command, str(tmp_path / "page.txt"), *folders])

    assert isinstance(result.exception, UnsupportedFormatError)
    assert "use .html or .htm" in str(result.exception)
    assert not (tmp_path / "page.txt").exists()


def test_drift_of_a_company_without_models_is_none(folders: list[str]) -> None:
    publish(folders)

    result = CliRunner().invoke(app, ["predict", "drift", *folders])

    assert "Moved since the model was judged: none" in result.output
