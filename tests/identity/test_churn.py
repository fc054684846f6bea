"""What a run may change without anybody's word, and what happens to that which it may not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from identity import (
    HeldChangesError,
    require_published,
    resolve,
    resolve_guarded,
)
from identity.guard import GuardedReport
from identity.resolve import Progress
from tests.identity.conftest import NOW, Company

DESK = "desk@shop.example"
PAIRS = 6
# Any unexplained change of a person is too much.
STRICT = {"probabilistic": False, "max_changed_share": 0.0, "min_changed_persons": 1}
LENIENT = {**STRICT, "max_changed_share": 1.0}


def guarded(
    company: Company, *, accept: bool = False, progress: Progress | None = None
) -> GuardedReport:
    company.runs += 1
    return resolve_guarded(
        company.warehouse,
        company.config,
        accept=accept,
        run_id=f"run-{company.runs}",
        now=NOW + dt.timedelta(hours=company.runs),
        seed=7,
        artifacts=company.artifacts,
        default_region="US",
        progress=progress,
    )


def churn(company: Company) -> dict[str, Any]:
    """The numbers of the latest run."""
    return company.rows("identity.churn")[-1]


def blocked(*numbers: int) -> list[str]:
    return [f"p{number}@shop.example" for number in numbers]


@pytest.fixture
def pairs(company: Company) -> Company:
    """Persons with a record in each of two sources, which only an address that is blocked joins."""
    for number in range(PAIRS):
        for source in ("crm", "billing"):
            company.record(source, str(number), email=f"p{number}@shop.example")
    company.configure(**STRICT, blocked_values=blocked(0, 1, 2))
    guarded(company)
    return company


def loosened(company: Company) -> Company:
    """The blocked addresses link from now on: three pairs of persons, and who stands for
    their address, become one each."""
    company.configure(**STRICT)
    return company


def test_the_first_run_is_published_whatever_it_finds(pairs: Company) -> None:
    assert churn(pairs)["status"] == "published"
    assert churn(pairs)["persons"] == 0


def test_a_run_that_changes_too_many_publishes_nothing(pairs: Company) -> None:
    before = pairs.everything()

    with pytest.raises(HeldChangesError):
        guarded(loosened(pairs))

    assert pairs.everything() == before
    assert len(pairs.rows("identity.runs")) == 1


def test_the_refusal_counts_the_persons_names_the_setting_and_says_what_to_do(
    pairs: Company,
) -> None:
    with pytest.raises(HeldChangesError) as refused:
        guarded(loosened(pairs))

    said = str(refused.value)
    assert "9 of 12 persons (75.0%)" in said
    assert "blocked_values of identity.yml changed" in said
    assert "min_precision" not in said
    assert "candor run --accept-identity-changes" in said
    assert "@" not in said


def test_what_was_held_is_held_again_by_every_later_run(pairs: Company) -> None:
    loosened(pairs)
    for _ in range(2):
        with pytest.raises(HeldChangesError):
            guarded(pairs)

    with pytest.raises(HeldChangesError, match="9 of 12 persons"):
        require_published(pairs.warehouse)


def test_what_is_accepted_is_published_and_recorded(pairs: Company) -> None:
    with pytest.raises(HeldChangesError):
        guarded(loosened(pairs))

    report = guarded(pairs, accept=True)

    assert report.status == churn(pairs)["status"] == "accepted"
    assert (churn(pairs)["merged"], churn(pairs)["unexplained"]) == (9, 9)
    assert pairs.are_one(("crm", "0"), ("billing", "0"))
    require_published(pairs.warehouse)
    assert guarded(pairs).status == "unchanged"


def test_an_acceptance_holds_for_its_run_alone(pairs: Company) -> None:
    guarded(loosened(pairs), accept=True)
    pairs.configure(**STRICT, blocked_values=blocked(3, 4))

    with pytest.raises(HeldChangesError):
        guarded(pairs)


def test_undoing_the_cause_keeps_persons_and_ids_and_lets_things_out(pairs: Company) -> None:
    before = pairs.everything()
    with pytest.raises(HeldChangesError):
        guarded(loosened(pairs))
    pairs.configure(**STRICT, blocked_values=blocked(0, 1, 2))

    report = guarded(pairs)

    assert report.status == "unchanged"
    assert churn(pairs)["status"] == "withdrawn"
    assert pairs.everything() == before
    require_published(pairs.warehouse)


def test_undoing_the_cause_when_records_have_come_keeps_the_ids_too(pairs: Company) -> None:
    before = pairs.members()
    with pytest.raises(HeldChangesError):
        guarded(loosened(pairs))
    pairs.configure(**STRICT, blocked_values=blocked(0, 1, 2))
    pairs.record("crm", "new", email="new@shop.example")

    assert guarded(pairs).status == "published"

    after = pairs.members()
    assert {name: after[name] for name in before} == before
    require_published(pairs.warehouse)


def test_few_persons_are_not_held_whatever_their_share(pairs: Company) -> None:
    pairs.configure(**{**STRICT, "min_changed_persons": 10})

    assert guarded(pairs).status == "published"
    assert churn(pairs)["unexplained"] == 9


def test_a_share_up_to_the_bound_is_published(pairs: Company) -> None:
    pairs.configure(**{**STRICT, "max_changed_share": 0.75})

    assert guarded(pairs).status == "published"


def test_a_setting_that_changes_nobody_is_published(pairs: Company) -> None:
    pairs.configure(**STRICT, blocked_values=[*blocked(0, 1, 2), "nobody@shop.example"])

    report = guarded(pairs)

    assert (report.status, report.churn.changed) == ("published", 0)


def test_the_bound_itself_is_no_reason_to_resolve_anew(pairs: Company) -> None:
    pairs.configure(**LENIENT, blocked_values=blocked(0, 1, 2))

    assert guarded(pairs).status == "unchanged"


def test_a_split_without_a_reason_is_held(pairs: Company) -> None:
    pairs.configure(**STRICT, blocked_values=blocked(0, 1, 2, 3))

    with pytest.raises(HeldChangesError):
        guarded(pairs)

    assert (churn(pairs)["split"], churn(pairs)["merged"]) == (1, 0)


def test_what_a_held_run_learned_is_forgotten(pairs: Company) -> None:
    folder = pairs.artifacts / "identity"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "match_parameters.json"
    kept.write_text("as it was")

    def learn(_step: str, _share: float | None) -> None:
        kept.write_text("learned anew")
        (folder / "another.json").write_text("learned anew")

    with pytest.raises(HeldChangesError, match="the match model was learned anew"):
        guarded(loosened(pairs), progress=learn)

    assert {path.name: path.read_text() for path in folder.iterdir()} == {kept.name: "as it was"}


class TestExplained:
    """Changes with a reason of their own are counted and never hold a run."""

    @pytest.fixture
    def two(self, company: Company) -> Company:
        """Two persons whom nothing joins, of sources that are known."""
        company.record("crm", "a", email="a@shop.example")
        company.record("billing", "b", email="b@shop.example")
        company.event(1, user_id="u1", email="a@shop.example")
        company.configure(**STRICT)
        guarded(company)
        return company

    def one(self, company: Company) -> dict[str, Any]:
        assert guarded(company).status == "published"
        assert company.are_one(("crm", "a"), ("billing", "b"))
        return churn(company)

    def test_by_a_new_record(self, two: Company) -> None:
        two.record("crm", "c", email="a@shop.example", phone="+12025550100")
        two.record("billing", "d", email="b@shop.example", phone="+12025550100")

        counts = self.one(two)

        assert (counts["merged"], counts["changed"], counts["unexplained"]) == (2, 2, 0)

    def test_by_a_new_version_of_a_record(self, two: Company) -> None:
        two.forget("staging.stg_raw__person_records", "source_record_id = 'b'")
        two.record("billing", "b", email="a@shop.example")
        later = NOW + dt.timedelta(hours=1, minutes=30)
        two.warehouse.execute(
            "update staging.stg_raw__person_records set loaded_at = $at "
            "where source_record_id = 'b'",
            {"at": later},
        )

        assert self.one(two)["unexplained"] == 0

    def test_by_a_decision(self, two: Company) -> None:
        two.decide("must_link", ("crm", "a"), ("billing", "b"), number=90)

        assert self.one(two)["unexplained"] == 0

    def test_by_a_sign_in_with_another_address(self, two: Company) -> None:
        later = NOW + dt.timedelta(hours=1, minutes=30)
        two.event(2, user_id="u1", email="b@shop.example", loaded_at=later)

        assert self.one(two)["unexplained"] == 0

    def test_but_not_by_an_old_sign_in(self, two: Company) -> None:
        two.event(2, user_id="u1", email="b@shop.example", loaded_at=NOW)

        with pytest.raises(HeldChangesError):
            guarded(two)

    def test_but_not_by_records_of_a_source_that_had_none(self, two: Company) -> None:
        two.record("shop", "c", email="a@shop.example", phone="+12025550100")
        two.record("shop", "d", email="b@shop.example", phone="+12025550100")

        with pytest.raises(HeldChangesError, match="source 'shop' is new"):
            guarded(two)


def test_a_device_that_finds_its_person_is_no_change_of_a_person(company: Company) -> None:
    company.record("crm", "a", user_id="u1", email="a@shop.example")
    company.event(1, anonymous_id="d1")
    company.configure(**STRICT)
    guarded(company)
    company.event(2, "identify", anonymous_id="d1", user_id="u1")

    assert guarded(company).churn.changed == 0


def test_resolving_unguarded_is_as_before(pairs: Company) -> None:
    pairs.configure(**STRICT)
    resolve(
        pairs.warehouse, pairs.config, run_id="free", now=NOW + dt.timedelta(days=1), seed=7,
        artifacts=pairs.artifacts, default_region="US",
    )  # fmt: skip

    assert pairs.are_one(("crm", "0"), ("billing", "0"))
