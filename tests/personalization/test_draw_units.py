"""Who turns out to be somebody else stays in the arm that they met first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from measurement import ExperimentsConfig, measure_experiments
from personalization import (
    ContentConfig,
    DecisionLog,
    decide,
    decide_and_log,
    load_decisions,
    write_draw_units,
    write_email_blocks,
)
from personalization.email_sends import SendLimits
from personalization.held_out import held_out_sql
from tests.personalization.serving import AS_OF, AT, SECRET, Site, asked, experiments, rows

HELD_OUT = {"share": 0.4, "salt": "2026"}
CONFIGURED = experiments(holdout=HELD_OUT)
# Who granted, in two halves that turn out to be the same persons; p..2 stays, p..3 is found to be it.
PAIRS = [(f"p{n:04d}2", f"p{n:04d}3") for n in range(12)]
STAYS, GOES = [stays for stays, _ in PAIRS], [goes for _, goes in PAIRS]
BROWSERS = [f"new-{number}" for number in range(12)]
MAILS = ContentConfig.model_validate({"email_blocks": {"weekly": {
    "size": 2, "defaults": ["archive", "events"], "salt": "s",
    "arms": {"personalised": 0.4, "business_as_usual": 0.3, "none": 0.3}}}})  # fmt: skip

Arms = dict[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Runs:
    """A site and its nightly runs."""

    site: Site
    log: DecisionLog
    configured: ExperimentsConfig

    def run(self) -> None:
        """As the assets do: load what was decided, keep arms, publish."""
        load_decisions(self.site.warehouse, self.log, run_id="r")
        write_draw_units(self.site.warehouse, self.configured, secret=SECRET, run_id="r")
        self.site.publish(self.configured)

    def visit(self, people: list[str], *, days: float = 0, kind: str = "person_id") -> Arms:
        """What each is in: the arm of the hero, and of a block, where only the hold-out counts."""
        artefact, found = self.site.open(), {}
        for person in people:
            known = {kind: person, **({"consent": "granted"} if kind != "person_id" else {})}
            requests = [
                replace(
                    asked(slot, **known),  # type: ignore[arg-type]
                    request_id=f"{person}-{days}", at=AT + dt.timedelta(days=days),
                )
                for slot in ("hero", "home")
            ]  # fmt: skip
            hero, home = (decide_and_log(request, artefact, self.log) for request in requests)
            found[person] = hero.actions[0].action_id, "out" if home.is_ghost else "in"
            assert hero.is_ghost or not home.is_ghost
        artefact.close()
        return found

    def sql(self, statement: str, **values: object) -> None:
        self.site.warehouse.execute(statement, values)

    def merge(self, person: str, into: str) -> None:
        both = {"gone": person, "kept": into}
        for table in ("identity.devices", "identity.members", "marts.content_engagement"):
            self.sql(f"update {table} set person_id = $kept where person_id = $gone", **both)
        self.sql(
            "update marts.current_person set current_person_id = $kept "
            "where current_person_id = $gone", **both
        )  # fmt: skip
        for table in ("marts.profiles", "marts.consent_current"):
            self.sql(f"delete from {table} where person_id = $gone", gone=person)

    def split(self, person: str) -> None:
        """The id comes back to all who had it."""
        self.sql(
            "update marts.current_person set current_person_id = $id where person_id = $id",
            id=person,
        )
        self.sql("insert into marts.profiles values ($id, false, null, 20)", id=person)
        self.sql(
            "insert into marts.consent_current values "
            "($id, 'personalization', 'granted', timestamp '2026-05-01')", id=person
        )  # fmt: skip


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    site = Site.published(tmp_path, people=130, items=20, holdout=HELD_OUT)
    return Runs(site, DecisionLog(tmp_path / "log"), CONFIGURED)


def _met(arms: Arms, people: list[str]) -> list[tuple[str, str]]:
    return [arms[person] for person in people]


def test_the_arm_that_was_met_first_holds_though_its_id_goes(runs: Runs) -> None:
    before = runs.visit(GOES, days=-2) | runs.visit(STAYS, days=-1)
    assert _met(before, GOES) != _met(before, STAYS)
    for stays, goes in PAIRS:
        runs.merge(goes, into=stays)

    runs.run()

    assert _met(runs.visit(STAYS), STAYS) == _met(before, GOES)


def test_the_arm_that_was_met_first_holds_where_its_id_stays(runs: Runs) -> None:
    before = runs.visit(STAYS, days=-2) | runs.visit(GOES, days=-1)
    for stays, goes in PAIRS:
        runs.merge(goes, into=stays)

    runs.run()

    assert _met(runs.visit(STAYS), STAYS) == _met(before, STAYS)


def test_an_id_that_met_nothing_decides_nothing(runs: Runs) -> None:
    before = runs.visit(GOES, days=-1)
    for stays, goes in PAIRS:
        runs.merge(goes, into=stays)

    runs.run()

    assert _met(runs.visit(STAYS), STAYS) == _met(before, GOES)


def test_merges_of_merges_keep_the_first_arm_of_all(runs: Runs) -> None:
    third = [f"p{n:04d}4" for n in range(12)]
    before = runs.visit(third, days=-5)
    for (stays, _), last in zip(PAIRS, third, strict=True):
        runs.merge(last, into=stays)
    runs.run()
    runs.visit(STAYS, days=-4)
    runs.visit(GOES, days=-3)
    for stays, goes in PAIRS:
        runs.merge(stays, into=goes)

    runs.run()
    runs.run()

    assert _met(runs.visit(GOES), GOES) == _met(before, third)


def test_after_a_split_each_has_the_arm_of_before_the_merge(runs: Runs) -> None:
    before = runs.visit(GOES, days=-3) | runs.visit(STAYS, days=-2)
    for stays, goes in PAIRS:
        runs.merge(goes, into=stays)
    runs.run()
    runs.visit(STAYS, days=-1)
    for goes in GOES:
        runs.split(goes)

    runs.run()

    assert runs.visit([*STAYS, *GOES]) == before
    assert rows(runs.site.warehouse, "select * from personalization.draw_units") == []


def test_a_rebuild_of_everything_that_follows_from_the_rest_changes_no_arm(runs: Runs) -> None:
    before = runs.visit(GOES, days=-1)
    for stays, goes in PAIRS:
        runs.merge(goes, into=stays)
    runs.run()
    written = rows(runs.site.warehouse, "select * from personalization.draw_units")
    runs.sql("drop table personalization.draw_units")
    runs.site.path.unlink()

    runs.run()

    assert rows(runs.site.warehouse, "select * from personalization.draw_units") == written
    assert len(written) == 2 * len(PAIRS)
    assert _met(runs.visit(STAYS), STAYS) == _met(before, GOES)


def test_an_arm_outlives_the_decisions_that_it_came_from(runs: Runs) -> None:
    before = runs.visit(GOES, days=-1)
    for stays, goes in PAIRS:
        runs.merge(goes, into=stays)
    runs.run()
    runs.sql("delete from personalization.decisions")

    runs.run()

    assert _met(runs.visit(STAYS), STAYS) == _met(before, GOES)


def _sign_in(runs: Runs, browsers: list[str], people: list[str]) -> None:
    for browser, person in zip(browsers, people, strict=True):
        runs.sql(
            "insert into identity.devices values "
            "($browser, $person, timestamp '2026-01-01', null, false)",
            browser=browser, person=person,
        )  # fmt: skip


def test_a_browser_that_somebody_signs_in_on_stays_in_its_arm(runs: Runs) -> None:
    before = runs.visit(BROWSERS, days=-1, kind="anonymous_id")
    _sign_in(runs, BROWSERS, STAYS)

    runs.run()

    assert _met(runs.visit(STAYS), STAYS) == _met(before, BROWSERS)
    assert runs.visit(BROWSERS, kind="anonymous_id") == before


def _is_shared(runs: Runs) -> None:
    """Nobody's: identity does not say either who had it."""
    runs.sql("update identity.devices set person_id = null, is_shared = true "
             "where starts_with(anonymous_id, 'new-')")  # fmt: skip


def _is_left(runs: Runs) -> None:
    runs.sql("update identity.devices set valid_to = timestamp '2026-05-30' "
             "where starts_with(anonymous_id, 'new-')")  # fmt: skip


def _is_another_persons(runs: Runs) -> None:
    _is_left(runs)
    _sign_in(runs, BROWSERS, GOES)


BROWSER_CHANGES = pytest.mark.parametrize("change", [_is_shared, _is_left, _is_another_persons])


@BROWSER_CHANGES
def test_a_browser_that_is_no_longer_ones_own_changes_no_arm(
    runs: Runs, change: Callable[[Runs], None]
) -> None:
    before = runs.visit(BROWSERS, days=-9, kind="anonymous_id")
    before |= runs.visit(GOES, days=-8)
    assert _met(before, GOES) != _met(before, BROWSERS)
    _sign_in(runs, BROWSERS, STAYS)
    runs.run()
    change(runs)

    runs.run()
    runs.run()

    assert _met(runs.visit(STAYS), STAYS) == _met(before, BROWSERS)
    assert _met(runs.visit(GOES), GOES) == _met(before, GOES)


def test_a_browser_that_is_no_longer_ones_own_gives_nothing_new(runs: Runs) -> None:
    """What it meets after it was left was not met by who left it."""
    before = runs.visit(BROWSERS, days=-9, kind="anonymous_id")
    _sign_in(runs, BROWSERS, STAYS)
    runs.run()
    _is_left(runs)
    runs.sql("update personalization.draw_units set draw = 'slot:later' where draw <> 'holdout'")
    runs.sql("delete from personalization.decisions")
    runs.log.rewrite("decisions.jsonl", lambda _: [])
    runs.visit(BROWSERS, days=-2, kind="anonymous_id")

    runs.run()

    found = rows(runs.site.warehouse, "select distinct draw from personalization.draw_units")
    assert {row["draw"] for row in found} == {"holdout", "slot:later"}
    now = runs.visit(STAYS)
    assert [out for _, out in _met(now, STAYS)] == [out for _, out in _met(before, BROWSERS)]


@BROWSER_CHANGES
def test_a_merge_takes_the_browser_along(runs: Runs, change: Callable[[Runs], None]) -> None:
    before = runs.visit(BROWSERS, days=-9, kind="anonymous_id")
    _sign_in(runs, BROWSERS, STAYS)
    runs.run()
    change(runs)
    for stays, goes in PAIRS:
        runs.merge(stays, into=goes)

    runs.run()

    assert _met(runs.visit(GOES), GOES) == _met(before, BROWSERS)


def test_a_split_gives_the_browser_to_whom_it_belongs(runs: Runs) -> None:
    before = runs.visit(BROWSERS, days=-9, kind="anonymous_id") | runs.visit(STAYS, days=-8)
    _sign_in(runs, BROWSERS, GOES)
    for stays, goes in PAIRS:
        runs.merge(goes, into=stays)
    runs.run()
    assert _met(runs.visit(STAYS, days=-7), STAYS) == _met(before, BROWSERS)
    for browser, goes in zip(BROWSERS, GOES, strict=True):
        runs.split(goes)
        runs.sql("update identity.devices set person_id = $p where anonymous_id = $b",
                 p=goes, b=browser)  # fmt: skip

    runs.run()

    assert _met(runs.visit(GOES), GOES) == _met(before, BROWSERS)
    assert _met(runs.visit(STAYS), STAYS) == _met(before, STAYS)


def test_a_browser_outlives_the_decisions_but_not_its_erasure(runs: Runs) -> None:
    before = runs.visit(BROWSERS, days=-9, kind="anonymous_id")
    _sign_in(runs, BROWSERS, STAYS)
    runs.run()
    _is_left(runs)
    runs.sql("delete from personalization.decisions")
    runs.log.rewrite("decisions.jsonl", lambda _: [])
    runs.run()
    assert _met(runs.visit(STAYS), STAYS) == _met(before, BROWSERS)
    runs.log.rewrite("decisions.jsonl", lambda _: [])
    gone, left = BROWSERS[0], STAYS[1]
    runs.sql("delete from identity.devices where anonymous_id = $gone", gone=gone)
    runs.sql("delete from marts.current_person where person_id = $left", left=left)

    runs.run()

    found = rows(runs.site.warehouse, "select distinct unit_id from personalization.draw_units")
    assert {row["unit_id"] for row in found} == {*STAYS[2:]}


def test_whoever_met_the_other_arm_too_is_flagged(runs: Runs) -> None:
    configured = ExperimentsConfig.model_validate({
        "holdout": HELD_OUT,
        "experiments": {"home": {
            "exposure": {"slot": "home"}, "baseline": "holdout",
            "metrics": {"demo": {"event": "Demo Requested", "within_days": 14}}}},
    })  # fmt: skip
    before = runs.visit(GOES, days=-3) | runs.visit(STAYS, days=-2)
    runs.run()
    for stays, goes in PAIRS:
        runs.merge(goes, into=stays)
    runs.run()
    runs.visit(STAYS, days=-1)
    runs.run()
    runs.sql("alter table marts.events add column properties varchar")

    measure_experiments(runs.site.warehouse, configured, now=AS_OF, run_id="r")

    found = rows(runs.site.warehouse, "select * from measurement.exposures order by person_id")
    arms = {"out": "holdout", "in": "personalised"}
    assert [row["arm"] for row in found] == [arms[before[goes][1]] for goes in GOES]
    assert [row["is_crossover"] for row in found] == [
        before[stays][1] != before[goes][1] for stays, goes in PAIRS
    ]
    assert {row["is_crossover"] for row in found} == {True, False}


def test_mailings_keep_their_arm_and_their_hold_out(runs: Runs) -> None:
    runs.sql("create table marts.contact_points (person_id varchar, identifier_type varchar, "
             "identifier_value varchar, is_shared boolean)")  # fmt: skip
    mail = "insert into marts.contact_points select unnest($p::varchar[]), 'email', 'x', false"
    runs.sql(mail, p=GOES)
    _mail(runs, days=0)
    before = _mailed(runs)
    assert {arm for arm, _ in before.values()} == {"personalised", "business_as_usual", "none"}
    assert {drawn for _, drawn in before.values()} == {True, False}
    for stays, goes in PAIRS:
        runs.merge(goes, into=stays)
    runs.sql(mail, p=STAYS)

    runs.run()
    _mail(runs, days=7)

    now = _mailed(runs)
    assert [now[stays] for stays in STAYS] == [before[goes] for goes in GOES]
    artefact = runs.site.open()
    out = set(runs.site.texts(held_out_sql(CONFIGURED.holdout)))
    assert {p for p in STAYS if decide(asked("home", person_id=p), artefact).is_ghost} == {
        p for p in STAYS if p in out
    }
    artefact.close()


def _mail(runs: Runs, *, days: int) -> None:
    write_email_blocks(
        runs.site.warehouse, MAILS, as_of=AS_OF + dt.timedelta(days=days), seed=7, run_id="r",
        limits=SendLimits(CONFIGURED.holdout),
    )  # fmt: skip


def _mailed(runs: Runs) -> dict[str, tuple[str, bool]]:
    found = rows(
        runs.site.warehouse,
        "select person_id, arm, is_randomised from personalization.email_blocks "
        "where slot = 1 order by send_date",
    )
    return {row["person_id"]: (row["arm"], row["is_randomised"]) for row in found}


def _first(runs: Runs, company: str) -> str:
    (row,) = rows(
        runs.site.warehouse,
        "select min(person_id) as person_id from marts.profiles "
        "inner join marts.consent_current using (person_id) "
        f"where status = 'granted' and account_id = '{company}'",
    )
    return str(row["person_id"])


def _by_what_they_met(runs: Runs, companies: list[str]) -> Arms:
    """Only the companies that are gone were here before."""
    return runs.visit([_first(runs, company) for company in companies], days=-1)


def _by_age(runs: Runs, companies: list[str]) -> Arms:
    """Nobody was here before; the companies that are gone are the older ones."""
    runs.sql("update identity.accounts set created_at = timestamp '2020-01-01' "
             "where list_contains($ids::varchar[], account_id)", ids=companies)  # fmt: skip
    visited = runs.visit([_first(runs, company) for company in companies], days=-1)
    runs.log.rewrite("decisions.jsonl", lambda _: [])
    return visited


@pytest.mark.parametrize("how", [_by_what_they_met, _by_age])
def test_a_company_that_becomes_part_of_another_takes_its_arm_along(
    runs: Runs, how: Callable[[Runs, list[str]], Arms]
) -> None:
    configured = experiments(hero={"unit": "account"}, holdout={**HELD_OUT, "unit": "account"})
    runs = replace(runs, configured=configured)
    runs.sql("create table identity.accounts as select distinct account_id, 'active' as status, "
             "null::varchar as merged_into, timestamp '2026-01-01' as created_at "
             "from marts.profiles where account_id is not null")  # fmt: skip
    runs.run()
    companies = [f"a{n:04d}" for n in range(20)]
    gone, kept = companies[:10], companies[10:]
    before = how(runs, gone)
    met = {company: before[_first(runs, company)] for company in gone}
    for old, new in zip(gone, kept, strict=True):
        runs.sql("update identity.accounts set status = 'merged', merged_into = $new "
                 "where account_id = $old", old=old, new=new)  # fmt: skip
        runs.sql("update marts.profiles set account_id = $new where account_id = $old",
                 old=old, new=new)  # fmt: skip

    runs.run()

    found = {company: runs.visit([_first(runs, company)]) for company in kept}
    wanted = [met[old] for old in gone]
    if how is _by_age:  # the hold-out goes by age, and so does what nobody met
        assert [next(iter(found[new].values())) for new in kept] == wanted
    else:
        assert [next(iter(found[new].values()))[0] for new in kept] == [arm for arm, _ in wanted]
