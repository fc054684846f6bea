from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from measurement import Experiment, ExperimentsConfig
from settings import ConfigurationError, load_config
from tests.conftest import ROOT

GOOD = """
experiments:
  hero:
    exposure: {event: Experiment Viewed}
    baseline: control
    held_out: holdout
    shares: {control: 0.5, b: 0.5}
    metrics:
      demo: {event: Demo Requested, within_days: 14}
    segments:
      - name: near
        when:
          - {trait: country, is: US}
"""


def load(folder: Path, text: str) -> ExperimentsConfig:
    path = folder / "experiments.yml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, ExperimentsConfig)


def test_the_example_is_read(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)

    assert config.experiments["hero"].exposure.arm_property == "variation_id"


def test_an_experiment_is_decided_by_one_metric() -> None:
    visit, demo = ({"event": name, "within_days": 14} for name in ("Visited", "Demo Requested"))
    asked: dict[str, Any] = {
        "exposure": {"event": "E"}, "baseline": "control", "metrics": {"visit": visit, "demo": demo}
    }  # fmt: skip

    def decided_by(**more: Any) -> str:
        return Experiment.model_validate({**asked, **more}).primary_metric

    assert decided_by() == "visit"
    assert decided_by(variants={"metric": "demo"}) == "demo"
    assert decided_by(variants={"metric": "demo"}, primary="visit") == "visit"


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        pytest.param("b: 0.5}", "b: 0.4}",
                     r"line 7, key 'experiments.hero.shares': found 0.9; the sum of shares must be 1",
                     id="shares"),
        pytest.param("baseline: control", "baseline: contrl",
                     r"line 5, key 'experiments.hero.baseline': found 'contrl'; did you mean 'control'\? "
                     "arms in shares: b, control", id="baseline"),
        pytest.param("baseline: control", "baseline: control\n    primary: clicks",
                     "hero.primary': found 'clicks'; metrics: demo", id="primary"),
        pytest.param("is: US", "at_least: 5, less_than: 5", "found 5.0; nothing is both that and at_least",
                     id="nothing-between"),
        pytest.param("held_out: holdout", "held_out: control", "different arms", id="arms"),
        pytest.param("name: near", "name: global", "everybody together", id="global"),
        pytest.param("is: US", "iss: US", "did you mean 'is'", id="unknown-test"),
        pytest.param("trait: country, is: US", "colour: red", "trait or record", id="condition"),
        pytest.param(", is: US", "", "write at least one of", id="no-test"),
        pytest.param("within_days: 14", "within_days: 0", "line 9", id="line"),
        pytest.param("{event: Experiment Viewed}", "{event: E, arm_property: a'b}", "arm_property",
                     id="property"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, good: str, bad: str, said: str) -> None:
    assert good in GOOD

    with pytest.raises(ConfigurationError, match=said):
        load(tmp_path, GOOD.replace(good, bad))


@pytest.mark.parametrize("folder", ["config", "tests/fernhill/config"])
def test_the_shipped_files_are_good(folder: str) -> None:
    assert load_config(ROOT / folder / "experiments.yml", ExperimentsConfig).experiments


SLOT = {
    "exposure": {"slot": "hero"},
    "baseline": "control",
    "shares": {"control": 0.5, "b": 0.5},
    "metrics": {"demo": {"event": "Demo Requested", "within_days": 14}},
    "variants": {"metric": "demo"},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"shares": {}}, "must name two arms", id="no-shares"),
        pytest.param(
            {"shares": {"control": 0.9, "holdout": 0.1}, "held_out": "holdout"},
            "must name two arms",
            id="one-arm",
        ),
        pytest.param({"held_out": "none"}, "held_out is 'holdout'", id="another-label"),
        pytest.param({"held_out": "none", "variants": None}, "held_out is", id="of-a-block"),
        pytest.param(
            {"shares": {"control": 0.4, "b": 0.5, "holdout": 0.1}}, "write held_out", id="unnamed"
        ),
        pytest.param({"baseline": "holdout", "shares": {}}, "is shown", id="baseline"),
    ],
)
def test_an_experiment_of_a_slot_names_its_arms_as_decisions_do(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Experiment.model_validate({**SLOT, **changes})


def test_an_experiment_of_a_slot_may_hold_out() -> None:
    shares = {"control": 0.45, "b": 0.45, "holdout": 0.1}

    found = Experiment.model_validate({**SLOT, "shares": shares, "held_out": "holdout"})

    assert found.held_out == "holdout"
