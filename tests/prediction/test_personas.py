from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest

from prediction import Moment, PersonaReport, PersonasConfig, group_readers
from prediction.mixture import draw_alike
from prediction.naming import Trait, keep_ids, name_groups
from prediction.readers import RHYTHMS, read_readers
from prediction.stability import adjusted_rand, find_groups
from privacy.inventory_people import OBJECTING_PERSONS
from tests.prediction.conftest import AS_OF, NOW, START, Company, grant

TOPICS, TYPES = 10, 5
CONFIG = PersonasConfig()


def tastes(groups: int, rng: np.random.Generator, *, strength: float = 8.0) -> np.ndarray:
    """What each planted group reads: three loved topics each, one loved type."""
    topics, types = np.ones((groups, TOPICS)), np.ones((groups, TYPES))
    for group in range(groups):
        topics[group, (3 * group + np.arange(3)) % TOPICS] = strength
        types[group, group % TYPES] = strength / 2
    return np.hstack([topics / topics.sum(1, keepdims=True), types / types.sum(1, keepdims=True)])


def draw_readers(
    n: int, groups: int, *, seed: int, strength: float = 8.0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, groups, n)
    items = 5 + rng.poisson(7, n)
    shares = tastes(groups, rng, strength=strength)[kinds]
    counts = np.hstack(
        [rng.multinomial(items, shares[:, :TOPICS]), rng.multinomial(items, shares[:, TOPICS:])]
    )
    return counts.astype(float), kinds


@pytest.mark.parametrize("groups", [2, 4])
def test_planted_groups_are_found_without_being_told_how_many(groups: int) -> None:
    counts, kinds = draw_readers(900, groups, seed=groups)

    found = find_groups(counts, (TOPICS, TYPES), range(2, 8), seed=1)

    assert found.status == "published"
    assert found.mixture is not None
    assert found.mixture.k == groups
    assert adjusted_rand(kinds, found.mixture.assign(counts)) > 0.8


@pytest.mark.parametrize("seed", range(2))
def test_readers_of_one_taste_are_refused(seed: int) -> None:
    counts, _ = draw_readers(700, 1, seed=seed)

    found = find_groups(counts, (TOPICS, TYPES), range(3, 7), seed=seed)

    assert found.status == "refused"


def test_tastes_of_ones_own_are_no_groups() -> None:
    rng = np.random.default_rng(1)
    own = rng.dirichlet(np.full(TOPICS, 1.5), 700)
    counts = np.hstack([[rng.multinomial(12, taste) for taste in own],
                        rng.multinomial(12, np.full(TYPES, 1 / TYPES), 700)])  # fmt: skip

    found = find_groups(counts.astype(float), (TOPICS, TYPES), range(3, 7), seed=1)

    assert found.status == "refused"


def test_tastes_that_pass_into_each_other_are_no_groups() -> None:
    """A circle: any cut through it comes back as well as another, and no cut is a gap."""
    rng = np.random.default_rng(1)
    where = rng.uniform(0, 2 * np.pi, 900)
    blocks = []
    for values in (TOPICS, TYPES):
        near = np.exp(1.5 * np.cos(where[:, None] - 2 * np.pi * np.arange(values) / values))
        blocks.append(rng.multinomial(12, near / near.sum(axis=1, keepdims=True)))

    found = find_groups(np.hstack(blocks).astype(float), (TOPICS, TYPES), range(5, 9), seed=1)

    assert found.status == "refused"
    assert "between the groups" in "; ".join(found.reasons)


def test_too_few_readers_are_told_how_many_more_are_needed() -> None:
    counts, _ = draw_readers(120, 3, seed=1)

    found = find_groups(counts, (TOPICS, TYPES), range(3, 6), seed=1)

    assert found.reasons == ("needs 180 more readers",)


def test_draws_of_one_taste_keep_what_everybody_reads() -> None:
    counts, _ = draw_readers(500, 3, seed=1)

    drawn = draw_alike(counts, (TOPICS, TYPES), np.random.default_rng(1))

    assert (drawn[:, :TOPICS].sum(1) == counts[:, :TOPICS].sum(1)).all()


def test_a_group_keeps_its_id_where_its_readers_are_the_same() -> None:
    overlap = np.array([[0.1, 0.8], [0.3, 0.1], [0.6, 0.0]])

    ids = keep_ids(["X readers", "Y readers", "Z readers"], overlap, ["old_a", "old_b"], ["y"])

    assert ids == ("old_b", "y_2", "old_a")


def test_groups_that_love_the_same_have_different_names() -> None:
    traits = [Trait("topic", "pricing", 0.5, 3.0)]

    assert len(set(name_groups([traits, traits, [], []]))) == 4


def plant_readings(company: Company, n: int, groups: int, *, seed: int) -> np.ndarray:
    """n readers of a library of 150 items, each of which has one topic and one type."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, groups, n)
    topic, kind = rng.integers(0, TOPICS, 150), rng.integers(0, TYPES, 150)
    shares = tastes(groups, rng)
    pull = shares[:, topic] * shares[:, TOPICS + kind]
    rows = [
        (reader, item)
        for reader in range(n)
        for item in rng.choice(
            150,
            6 + rng.poisson(6),
            replace=False,
            p=pull[kinds[reader]] / pull[kinds[reader]].sum(),
        )
    ]
    ids = [f"p{reader:04}" for reader in range(n)]
    company.add(
        "marts.content_items", content_id=[f"c{number}" for number in range(150)],
        topic=[f"topic-{number}" for number in topic],
        content_type=[f"type-{number}" for number in kind],
    )  # fmt: skip
    company.add(
        "marts.content_engagement", person_id=[ids[reader] for reader, _ in rows],
        content_id=[f"c{item}" for _, item in rows],
        first_viewed_at=pa.array([START] * len(rows), pa.timestamp("us")),
    )  # fmt: skip
    company.add("marts.current_person", person_id=ids, current_person_id=ids)
    grant(company, ids, purpose="personalization")
    return kinds


def group(
    company: Company, config: PersonasConfig = CONFIG, *, days: int = 0, retrain: bool = False
) -> PersonaReport:
    moment = Moment(as_of=AS_OF + dt.timedelta(days=days), now=NOW, seed=3)
    return group_readers(
        company.warehouse, config, artifacts=company.artifacts, moment=moment, retrain=retrain
    )


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, np.ndarray, PersonaReport]:
    company = Company(tmp_path_factory.mktemp("readers"))
    kinds = plant_readings(company, 700, 3, seed=2)
    return company, kinds, group(company)


def test_personas_are_published_with_names_from_what_they_read(
    readers: tuple[Company, np.ndarray, PersonaReport],
) -> None:
    company, kinds, report = readers
    members = dict(company.rows("select person_id, persona_id from prediction.persona_members"))
    labels = np.unique([str(members[person]) for person in sorted(members)], return_inverse=True)[1]

    ((teachers,),) = company.rows(
        "select count(*) from prediction.learnt_from where model_key = 'personas'"
    )

    assert report.decision.status == "champion"
    assert 0 < teachers <= len(members)
    assert adjusted_rand(kinds, labels) > 0.8
    assert all("topic" in name for name in report.sizes if name != "Unassigned")
    assert report.sizes["Unassigned"] == list(members.values()).count(None)


def test_nothing_new_writes_nothing(readers: tuple[Company, np.ndarray, PersonaReport]) -> None:
    company, _, _ = readers
    before = company.contents()

    again = group(company)

    assert (again.is_new, again.written, company.contents() == before) == (False, 0, True)


def test_when_a_reader_is_erased_nobody_elses_persona_moves(
    readers: tuple[Company, np.ndarray, PersonaReport],
) -> None:
    company, _, first = readers
    members = "select * from prediction.persona_members where person_id <> 'p0003' order by all"
    before = company.rows(members)
    for table in ("content_engagement", "current_person", "consent_history"):
        company.warehouse.execute(f"delete from marts.{table} where person_id = 'p0003'")

    again = group(company)

    assert (again.is_new, again.written) == (False, len(before))
    assert again.decision.model_version == first.decision.model_version
    assert company.rows("select * from prediction.persona_members order by all") == before


def test_who_objects_to_profiling_has_no_persona(
    readers: tuple[Company, np.ndarray, PersonaReport],
) -> None:
    company, _, _ = readers
    company.warehouse.create_missing([OBJECTING_PERSONS])
    company.add("privacy.objecting_persons", person_id=["p0004"], purpose=["profiling"])

    group(company)

    members = company.rows("select person_id from prediction.persona_members")
    assert ("p0004",) not in members
    assert ("p0005",) in members


def test_personas_keep_their_ids_over_a_retraining(
    readers: tuple[Company, np.ndarray, PersonaReport],
) -> None:
    company, _, first = readers
    members = "select person_id, persona_id from prediction.persona_members where as_of = (select max(as_of) from prediction.persona_members)"
    before = dict(company.rows(members))
    company.warehouse.execute("delete from marts.content_engagement where person_id < 'p0040'")

    report = group(company, days=40)

    after = dict(company.rows(members))
    same = [before[person] == after[person] for person in after if before[person]]
    assert report.decision.model_version != first.decision.model_version
    assert np.mean(same) > 0.9


def test_who_gave_no_consent_is_neither_learnt_from_nor_assigned(company: Company) -> None:
    plant_readings(company, 500, 3, seed=5)
    company.warehouse.execute("delete from marts.consent_history where person_id < 'p0150'")

    report = group(company)

    assert report.decision.metrics["readers"] == 350
    assert company.rows(
        "select count(*) from prediction.persona_members where person_id < 'p0150'"
    ) == [(0,)]


def test_every_reader_is_assigned_where_the_configuration_says_so(company: Company) -> None:
    plant_readings(company, 500, 3, seed=5)
    company.warehouse.execute("delete from marts.consent_history where person_id < 'p0150'")

    group(company, CONFIG.model_copy(update={"assigned": "all"}))

    assert company.rows("select count(*) from prediction.persona_members") == [(500,)]


def test_noise_publishes_no_persona_and_says_why(company: Company) -> None:
    plant_readings(company, 500, 1, seed=5)

    report = group(company)

    assert report.decision.status == "refused"
    assert report.decision.reason
    assert company.rows("select * from prediction.persona_members") == []
    assert not company.artifacts.exists()


def test_when_people_visit_is_counted_by_their_own_clocks(company: Company) -> None:
    """By any name of IANA, however it is written; what else stands there says nothing."""
    plant_readings(company, 3, 1, seed=5)
    people = ["p0000", "p0000", "p0001", "p0002", "p0002"]
    zones = ["Asia/Tokyo", "asia/TOKYO", None, "Mars", "BST"]
    # A Friday, 16:00 and 17:00 UTC: Saturday 1:00 and 2:00 in Tokyo, one night.
    at = [dt.datetime.fromisoformat(f"2026-05-01T{hour}:00") for hour in (16, 17, 16, 16, 16)]
    company.add(
        "marts.events", person_id=people, visitor_id=people, timezone=zones,
        occurred_at=pa.array(at, pa.timestamp("us")),
    )  # fmt: skip

    readers = read_readers(company.warehouse, CONFIG, as_of=AS_OF)

    rhythm = [n for n, facet in enumerate(readers.facets) if facet in RHYTHMS]
    assert [readers.values[n] for n in rhythm] == ["at 0-3 h", "on weekends"]
    assert readers.counts[:, rhythm].tolist() == [[1, 1], [0, 0], [0, 0]]


def test_names_of_ones_own_are_used(company: Company) -> None:
    plant_readings(company, 500, 3, seed=5)
    group(company)
    ((key,),) = company.rows(
        "select min(persona_id) from prediction.personas where persona_id <> 'unassigned'"
    )

    report = group(company, CONFIG.model_copy(update={"names": {str(key): "Owners"}}))

    assert "Owners" in report.sizes
    assert company.rows(
        "select count(*) > 50 from prediction.persona_members where persona_name = 'Owners'"
    ) == [(True,)]


def test_persona_files_name_no_reader(readers: tuple[Company, np.ndarray, PersonaReport]) -> None:
    company, _, _ = readers

    files = [file for file in company.artifacts.rglob("*") if file.is_file()]
    card = json.loads(next(f for f in files if f.name == "card.json").read_text())

    assert card["personas"]
    assert not any(
        f"p{n:04}".encode() in file.read_bytes() for n in range(0, 700, 9) for file in files
    )
