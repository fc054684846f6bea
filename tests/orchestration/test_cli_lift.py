"""What ``candor lift`` writes of a comparison."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from measurement import Counts, ExperimentsConfig, Finding, UnknownExperimentError
from measurement.page import _amount
from measurement.report import in_words
from orchestration.cli.codes import INPUT
from orchestration.cli.exits import exit_code
from orchestration.cli.lift import _only, _print_lift, _print_policies, _row, lift_app
from orchestration.cli.output import print_rows
from personalization.variant_report import ToldVariant
from tests.measurement.test_measure import experiments

FINDING = Finding("global", "b", "control", Counts(60, 20), Counts(60, 10), effect=0.0082)
MONEY = Finding(
    "global", "b", "control", Counts(60, 20), Counts(60, 10), is_share=False, effect=-1_881.4
)


@pytest.mark.parametrize(
    ("finding", "told"), [(FINDING, "+0.8 points"), (MONEY, "-1,881")], ids=["share", "money"]
)
def test_an_effect_is_written_for_people_and_kept_for_scripts(finding: Finding, told: str) -> None:
    assert _row(finding, as_json=False)["effect"] == told
    assert _row(finding, as_json=True)["effect"] == finding.effect


def test_money_has_no_exponent_in_the_page_and_in_tables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows("Policies", [{"value": 0.0000123, "low": 4_038.2}])

    assert (_amount(4_038.2, MONEY), in_words(4_038.2, is_share=False)) == ("4,038", "+4,038")
    told = capsys.readouterr().out
    assert "0.0000123" in told
    assert "4,038" in told


def test_without_a_policy_it_is_said_what_they_are_judged_by(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _print_policies(pa.table({"policy": []}), as_json=False)
    told = capsys.readouterr().out
    _print_policies(pa.table({"policy": []}), as_json=True)

    assert "decide with candor decide" in " ".join(told.split())
    assert capsys.readouterr().out.strip() == "[]"


def test_what_is_said_of_the_unmet_follows_the_table_and_leaves_json_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _print_lift([], ["hero: nobody"], as_json=False)
    _print_lift([], ["hero: nobody"], as_json=True)

    assert capsys.readouterr().out.splitlines() == ["Lift: none", "hero: nobody", "[]"]


def test_the_variants_of_one_experiment_can_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = experiments().experiments["hero"]
    known = ExperimentsConfig(holdout=None, experiments={"hero": one, "footer": one})
    found = [
        ToldVariant(key, "global", "b", "shown", 0.5, 60, 20, "arm", "")
        for key in known.experiments
    ]
    monkeypatch.setattr(
        "orchestration.company.Company", lambda _: SimpleNamespace(experiments=known)
    )
    monkeypatch.setattr("personalization.read_variants", lambda *_: found)
    monkeypatch.setattr("orchestration.cli.lift.opened_warehouse", lambda _: nullcontext())
    for name in ("CANDOR_CONFIG", "CANDOR_HOME", "CANDOR_LANDING"):
        monkeypatch.setenv(name, str(tmp_path))

    asked = ["variants", "--json"]
    every, hero, wrong = (
        CliRunner().invoke(lift_app, asked + name) for name in ([], ["hero"], ["herro"])
    )

    assert [row["experiment"] for row in json.loads(every.stdout)] == ["hero", "footer"]
    assert [row["experiment"] for row in json.loads(hero.stdout)] == ["hero"]
    assert isinstance(wrong.exception, UnknownExperimentError)


def test_one_experiment_can_be_asked_for_by_name() -> None:
    one = experiments().experiments["hero"]
    asked = ExperimentsConfig(holdout=None, experiments={"hero": one, "footer": one})

    assert _only(None, asked) == asked
    assert list(_only("hero", asked).experiments) == ["hero"]
    with pytest.raises(UnknownExperimentError, match="footer, hero") as refused:
        _only("herro", asked)
    assert exit_code(refused.value) == INPUT
