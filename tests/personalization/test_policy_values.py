"""What other ways to choose variants would have earned, from what was logged."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from personalization import DecisionLog, decide_and_log, load_decisions, write_policy_values
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
    site.warehouse.execute("insert into marts.current_person values ('p00003', 'merged')")
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
        "shares of today", "always b", "always c", "always control",
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


def test_the_shares_of_today_are_judged_on_the_decisions_of_then(site: Site) -> None:
    site.publish(experiments(), b=1.0, c=0.0, control=0.0)

    found = values(site)

    site.publish(experiments(), **SHARES)
    assert found["shares of today", "snips"]["value"] == pytest.approx(
        found["always b", "snips"]["value"]
    )


def test_a_policy_that_wants_what_was_never_shown_is_refused(site: Site) -> None:
    site.warehouse.execute(
        "update personalization.variant_policies set arm = 'fresh' where arm = 'c'"
    )

    found = values(site)

    site.publish(experiments(), **SHARES)
    assert "never done" in found["always fresh", "ips"]["refusal"]
    assert "never done" in found["shares of today", "ips"]["refusal"]
    assert found["always b", "ips"]["refusal"] is None


def test_who_was_decided_for_lately_is_not_judged_yet(site: Site) -> None:
    assert values(site, now=AT + dt.timedelta(days=13)) == {}


def test_nothing_is_judged_for_an_experiment_that_shares_nothing_out(site: Site) -> None:
    assert values(site, hero={"variants": None}) == {}


def test_nobody_decided_for_is_no_error(tmp_path: Path) -> None:
    assert values(Site.published(tmp_path, people=20, items=8)) == {}
