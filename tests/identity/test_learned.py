"""What was learned is kept: who has nothing to do with a change stays who they are."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from identity import Act, Origin, import_answers, plan_split, revoke_decision, split_person
from identity.train import no_surer_than_equal, smoothed
from tests.identity.conftest import NOW, RECORDS, Company, Members, day

PEOPLE = 400
# Enough answers to be heeded, were they reviews of what is likely.
TWINS = 25
FIRST = (
    "Ann",
    "Bob",
    "Carla",
    "David",
    "Erika",
    "Frank",
    "Greta",
    "Henry",
    "Irene",
    "Jonas",
    "Karen",
    "Louis",
)
LAST = ("Smith", "Miller", "Baker", "Turner", "Walker", "Fisher", "Carter", "Mason", "Parker", "Cooper",
        "Hunter", "Porter", "Weaver", "Archer", "Sawyer", "Brewer", "Glover", "Thatcher")  # fmt: skip


def people(count: int) -> pa.Table:
    """Two records of each: one with e-mail and phone, one with a part of it or a slip."""
    chance = np.random.default_rng(3)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        first, last = (str(chance.choice(names)) for names in (FIRST, LAST))
        known = {
            "last_name": last, "birth_date": f"{1940 + number % 60}-{1 + number % 12:02}-{1 + number % 28:02}",
            "city": f"Town {number % 7}", "postal_code": f"{10000 + number % 90}",
            "street": f"{number % 50 + 1} Elm Street",
        }  # fmt: skip
        mail = {
            "email": f"{first}.{last}{number}@mail.example".lower(),
            "phone": f"+1202555{number:04}",
        }
        other = {name: value for name, value in known.items() if chance.random() < 0.6}
        seen = {"loaded_at": NOW, "record_created_at": day(1 + number % 20)}
        rows += [
            {"source": "crm", "source_record_id": f"{number}", "first_name": first, **known, **mail, **seen},
            {"source": "shop", "source_record_id": f"{number}", "last_name": last, "first_name": first,
             **other, **(mail if number % 3 == 0 else {}), **seen},
        ]  # fmt: skip
    return pa.Table.from_pylist(rows, RECORDS_SCHEMA)


RECORDS_SCHEMA = pa.schema(
    [(name, pa.string()) for name in (
        "source", "source_record_id", "first_name", "last_name", "birth_date", "city", "postal_code",
        "street", "email", "phone",
    )] + [("loaded_at", pa.timestamp("us")), ("record_created_at", pa.timestamp("us"))]
)  # fmt: skip


@pytest.fixture(scope="module")
def resolved_crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a company large enough for a model, resolved once."""
    folder = tmp_path_factory.mktemp("crowd")
    company = Company(folder / "artifacts")
    company.warehouse.append(RECORDS, people(PEOPLE))
    assert company.resolve().threshold is not None
    company.saved(folder / "company.duckdb")
    return folder


@pytest.fixture
def crowd(resolved_crowd: Path, tmp_path: Path) -> Company:
    """A copy of it."""
    shutil.copytree(resolved_crowd / "artifacts", tmp_path / "artifacts")
    return Company.restored(resolved_crowd / "company.duckdb", tmp_path / "artifacts", runs=1)


def knowledge(company: Company) -> dict[str, Any]:
    path = company.artifacts / "identity" / "match_parameters.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def others(members: Members) -> Members:
    return {name: person for name, person in members.items() if name[1] != "17"}


def test_erasing_one_person_changes_nobody_else(crowd: Company) -> None:
    before, changes = crowd.members(), crowd.rows("identity.changes")
    person = before[("crm", "17")]
    crowd.forget(RECORDS.sql, "source_record_id = '17'")

    crowd.resolve()

    after = crowd.members()
    kept = {name: found for name, found in before.items() if found != person}
    assert len(crowd.rows("identity.links", "kind = 'probabilistic'")) > 50
    assert {name: after[name] for name in kept} == kept
    assert [row for row in crowd.rows("identity.changes") if row not in changes] == []


def test_a_rebuild_in_the_same_home_gives_the_same_ids(crowd: Company) -> None:
    crowd.forget(RECORDS.sql, "source_record_id = '17'")
    crowd.resolve()
    before = crowd.members()
    for table in ("members", "members_history", "persons", "changes", "links", "devices", "runs"):
        crowd.forget(f"identity.{table}", "true")

    crowd.resolve()

    assert crowd.members() == before


def test_a_tenth_more_records_teach_anew_and_the_reason_is_kept(crowd: Company) -> None:
    first = knowledge(crowd)
    more = people(PEOPLE + PEOPLE // 10).slice(2 * PEOPLE)
    crowd.warehouse.append(RECORDS, more)

    crowd.resolve()

    assert first["reason"] == "nothing was learned before"
    assert knowledge(crowd)["reason"] == "the number of records went from 800 to 880"


def test_another_configuration_teaches_anew(crowd: Company) -> None:
    crowd.configure(min_precision=0.9)

    crowd.resolve()

    assert knowledge(crowd)["reason"] == "the configuration or the model has changed"


def review(company: Company, file: Path, verdict: str) -> str:
    """Answer twenty of the pairs that likeness links, as from a review file."""
    links = company.rows("identity.links", "kind = 'probabilistic' and probability >= 0.9")
    names = ("left_source", "left_record_id", "right_source", "right_record_id")
    lines = [",".join([*(row[name] for name in names), verdict]) for row in links[:20]]
    file.write_text("\n".join([",".join([*names, "decision"]), *lines]))
    return str(import_answers(company.warehouse, file, now=NOW).act_id)


def test_reviews_move_the_threshold_and_revoked_ones_move_it_back(
    crowd: Company, tmp_path: Path
) -> None:
    learned = knowledge(crowd)
    act_id = review(crowd, tmp_path / "review.csv", "cannot_link")
    crowd.resolve()
    reviewed = knowledge(crowd)
    revoke_decision(crowd.warehouse, act_id, now=NOW + dt.timedelta(days=1))
    crowd.resolve()

    assert reviewed["threshold"] > learned["threshold"]
    assert reviewed["reason"] == "pairs were reviewed"
    assert knowledge(crowd)["threshold"] == learned["threshold"]


@pytest.fixture(scope="module")
def with_twins(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The crowd, and pairs of twins whom all but their first names make one person."""
    company = Company(tmp_path_factory.mktemp("twins"))
    company.warehouse.append(RECORDS, people(PEOPLE))
    for number in range(TWINS):
        for source, first_name in (("crm", "Wilhelmina"), ("shop", "Theodora")):
            company.record(
                source, f"twin-{number}", first_name=first_name, last_name=f"Ravenscroft{number}",
                birth_date=f"{1970 + number}-04-05", street=f"{700 + number} Oak Lane",
                city="Farville", postal_code="99999", phone=f"+1202556{number:04}",
            )  # fmt: skip
    for person, sites in enumerate((("web", "web"), ("web", "app"))):
        for system, site in zip(("crm", "shop"), sites, strict=True):
            user_id = f"{system}-user-{person}"
            company.record(
                system, user_id, user_id=user_id, first_name="Leopold", city="Farville",
                last_name=f"Montague{person}", birth_date=f"198{person}-05-17",
                street=f"{800 + person} Oak Lane", postal_code="99999",
            )  # fmt: skip
            company.event(3, user_id=user_id, source=site)
    company.resolve()
    return company


@pytest.mark.parametrize(("person", "are_one"), [(0, False), (1, True)])
def test_likeness_does_not_join_two_sign_ins_that_are_used_in_the_events_of_one_source(
    with_twins: Company, person: int, are_one: bool
) -> None:
    names = (("crm", f"crm-user-{person}"), ("shop", f"shop-user-{person}"))

    assert with_twins.are_one(*names) == are_one


def twins(company: Company, table: str) -> list[dict[str, Any]]:
    return company.rows(
        table, "left_record_id like 'twin-%' and left_record_id = right_record_id "
        "and probability >= (select max(threshold) from identity.runs)"
    )  # fmt: skip


def test_likely_pairs_that_the_twins_rule_keeps_apart_wait_for_review(with_twins: Company) -> None:
    cut = twins(with_twins, "identity.links")

    assert len(cut) == TWINS
    assert {row["cut_reason"] for row in cut} == {
        "twins: same birth date and last name, two first names"
    }
    assert len(twins(with_twins, "identity.review_queue")) == TWINS


def test_answers_on_twins_hold_and_move_no_threshold(with_twins: Company, tmp_path: Path) -> None:
    """They were asked about because of a rule: of what is as likely they say nothing."""
    learned = knowledge(with_twins)
    queue = twins(with_twins, "identity.review_queue")
    names = ("left_source", "left_record_id", "right_source", "right_record_id")
    lines = [",".join([*(row[name] for name in names), "cannot_link"]) for row in queue]
    file = tmp_path / "review.csv"
    file.write_text("\n".join([",".join([*names, "decision"]), *lines]))
    done = import_answers(with_twins.warehouse, file, now=NOW)
    with_twins.resolve()

    assert done.written == TWINS
    assert {row["origin"] for row in with_twins.rows("identity.decisions")} == {"rule_review"}
    assert knowledge(with_twins) == learned
    assert twins(with_twins, "identity.review_queue") == []


def test_a_split_moves_no_threshold(crowd: Company) -> None:
    learned = knowledge(crowd)
    person = crowd.members()[("crm", "17")]
    plan = plan_split(crowd.warehouse, person, [1])
    split_person(crowd.warehouse, plan, Act(Origin.SPLIT, NOW))
    crowd.resolve()

    assert not crowd.are_one(("crm", "17"), ("shop", "17"))
    assert knowledge(crowd) == learned


def test_no_name_is_kept_in_what_was_learned(crowd: Company) -> None:
    text = json.dumps(knowledge(crowd)).lower()

    assert [name for name in (*FIRST, *LAST) if f'"{name.lower()}"' in text] == []


def test_a_level_that_no_proven_pair_has_weighs_no_more_than_that_both_are_the_same() -> None:
    counts, by_chance = np.array([200.0, 0.0, 30.0, 2.0]), np.array([0.08, 2e-6, 1e-4, 0.9])
    unbounded = smoothed(counts) / by_chance
    shares = no_surer_than_equal(smoothed(counts), counts, by_chance)
    same, unseen, seen, different = shares / by_chance

    assert unbounded[1] > unbounded[0]
    assert unseen <= same * 1.001
    assert seen > same > 1 > different
    assert shares.sum() == pytest.approx(1)
