"""What other ways to choose variants would have earned, from what was logged."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from measurement import Experiment, Segment, Variants
from personalization import DecisionLog, decide_and_log, load_decisions, write_policy_values
from personalization.policy_values import judge_decisions
from tests.personalization.serving import AT, Site, asked, experiments, rows

SHARES = {"b": 0.6, "c": 0.2, "control": 0.2}
LATER = AT + dt.timedelta(days=20)
# One in five who are shown b converts, one in fifty of the others: by the digits of the id.
CONVERTED = """
    insert into marts.events
    select coalesce(current_person_id, person_id), 'Demo Requested', decided_at + interval 2 day,
        decided_at + interval 2 day, false
    from personalization.decisions left join marts.current_person using (person_id)
    where position = 1 and not is_ghost
      and hash(unit_id, 'converts') % 50 < case when arm = 'b' then 10 else 1 end
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """1,600 persons of whom about 1,300 agreed; each is shown one variant, some twice."""
    folder = tmp_path_factory.mktemp("values")
    site = Site.published(folder, people=1_600, items=8)
    site.publish(experiments(), **SHARES)
    artefact, log = site.open(), DecisionLog(folder / "log")
    for number, person in enumerate(site.texts("select person_id from marts.profiles")):
        decide_and_log(asked("hero", number, person_id=person), artefact, log)
    for number in range(100):
        decide_and_log(asked("hero", 5_000 + number, person_id="p00002"), artefact, log)
        anonymous = asked("hero", 9_000 + number, anonymous_id=f"x{number}", consent="granted")
        decide_and_log(anonymous, artefact, log)
    artefact.close()
    load_decisions(site.warehouse, log, run_id="r1")
    site.warehouse.execute(
        "update marts.current_person set current_person_id = 'merged' where person_id = 'p00003'"
    )
    site.warehouse.execute(CONVERTED)
    return site


def values(site: Site, now: dt.datetime = LATER, **changes: Any) -> dict[tuple[str, str], Any]:
    write_policy_values(site.warehouse, experiments(**changes), now=now, run_id="r1")
    found = rows(site.warehouse, "select * from personalization.policy_values")
    return {(row["policy"], row["estimator"]): row for row in found}


def test_each_policy_is_judged_by_each_estimator(site: Site) -> None:
    found = values(site)

    counted = site.warehouse.scalar(
        "select count(distinct unit_id) from personalization.decisions "
        "where person_id is not null and not is_ghost"
    )
    assert {policy for policy, _ in found} == {
        "shares as learnt", "always b", "always c", "always control",
    }  # fmt: skip
    assert {row["n"] for row in found.values()} == {counted}
    for estimator in ("ips", "snips", "doubly_robust"):
        best = found["always b", estimator]
        assert best["ci_low"] < 0.2 < best["ci_high"]
        assert best["refusal"] is None


def test_what_cannot_be_known_is_refused_and_bears_no_number(site: Site) -> None:
    found = values(site)["always c", "snips"]

    assert (found["value"], found["ci_low"]) == (None, None)
    assert "needs" in found["refusal"]


def test_what_half_of_the_units_cannot_teach_is_shared_alike(site: Site) -> None:
    found = values(site)["shares as learnt", "snips"]

    # In no half have two arms met 250 persons: a third of 20 %, and two thirds of 2 %.
    assert found["ci_low"] < 0.08 < found["ci_high"] < 0.13


def test_a_policy_that_wants_what_was_never_shown_is_refused(site: Site) -> None:
    shares = {"control": 0.2, "b": 0.3, "c": 0.2, "fresh": 0.2, "holdout": 0.1}

    found = values(site, hero={"shares": shares})

    assert "never done" in found["always fresh", "ips"]["refusal"]
    assert "never done" in found["shares as learnt", "ips"]["refusal"]
    assert found["always b", "ips"]["refusal"] is None


def test_shares_are_not_judged_by_the_outcomes_that_taught_them() -> None:
    asked = experiments().experiments["hero"].model_copy(update={"shares": {}})
    assert asked.variants
    held, excess = 0, []
    for seed in range(RUNS):
        (_, snips, _) = _learnt_of_nothing(seed, asked, asked.variants)
        held += snips["ci_low"] <= 0.05 <= snips["ci_high"]
        excess.append(snips["value"] - 0.05)

    assert held >= 14
    assert abs(float(np.mean(excess))) < 3 * float(np.std(excess)) / RUNS**0.5


RUNS = 16


def _learnt_of_nothing(seed: int, asked: Experiment, variants: Variants) -> list[Any]:
    """3 arms that all convert 5 % of 8,000 units in 4 segments, drawn alike."""
    chance = np.random.default_rng(seed)
    arms = np.array(["b", "c", "control"])
    drawn = pa.table({
        "segment": np.array(["n", "e", "s", "w"])[chance.integers(0, 4, 8_000)],
        "arm": arms[chance.integers(0, 3, 8_000)],
        "propensity": np.full(8_000, 1 / 3),
        "eligible": [json.dumps(dict.fromkeys(arms.tolist(), 1 / 3))] * 8_000,
        "reward": (chance.random(8_000) < 0.05).astype(float),
    })  # fmt: skip
    segments = [Segment(name=name) for name in "nesw"]
    found = judge_decisions(drawn, asked.model_copy(update={"segments": segments}), variants)
    return [row for row in found if row["policy"] == "shares as learnt"]


def test_who_was_decided_for_lately_is_not_judged_yet(site: Site) -> None:
    assert values(site, now=AT + dt.timedelta(days=13)) == {}


def test_nothing_is_judged_for_an_experiment_that_shares_nothing_out(site: Site) -> None:
    assert values(site, hero={"variants": None}) == {}


def test_nobody_decided_for_is_no_error(tmp_path: Path) -> None:
    assert values(Site.published(tmp_path, people=20, items=8)) == {}
