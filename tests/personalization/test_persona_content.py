from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from personalization import write_persona_content
from personalization.persona_content import PersonaContentReport, shrink_ratios
from tests.personalization.conftest import AS_OF, Company

PERSONAS = """
create schema prediction;
create table prediction.persona_members (
    person_id varchar, persona_id varchar, persona_name varchar, confidence double, as_of timestamp
);
alter table marts.content_items add column target_persona varchar;
"""


def _belongs(company: Company, persona: str | None, *people: str) -> None:
    company.warehouse.execute(
        "insert into prediction.persona_members "
        "select unnest($people::varchar[]), $persona, upper($persona), .9, $as_of",
        {"people": list(people), "persona": persona, "as_of": AS_OF},
    )


def _write(company: Company) -> PersonaContentReport:
    return write_persona_content(company.warehouse, as_of=AS_OF, run_id="r1")


def _rows(company: Company, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in company.warehouse.read(query).to_pylist()]


@pytest.fixture
def library(company: Company) -> Company:
    """Owners read pricing, makers read data; 40 of each, and 20 without a persona read both."""
    company.warehouse.execute(PERSONAS)
    for topic in ("pricing", "data"):
        for number in range(6):
            stage = "awareness" if number < 4 else "decision"
            company.item(f"{topic}{number}", topic, stage=stage)
    company.item("lonely", "legal", stage="retention")
    for persona, topic in (("owners", "pricing"), ("makers", "data")):
        people = [f"{persona}{number}" for number in range(40)]
        company.person(*people)
        _belongs(company, persona, *people)
        for number, person in enumerate(people):
            own = [f"{topic}{(number + step) % 4}" for step in range(3)]
            company.read(person, *own, depth=0.9 if persona == "owners" else 0.3)
    rest = [f"rest{number}" for number in range(20)]
    company.person(*rest)
    _belongs(company, None, *rest)
    for person in rest:
        company.read(person, "pricing0", "data0")
    return company


def test_each_persona_reads_more_of_its_topic_and_less_of_the_other(library: Company) -> None:
    report = _write(library)

    found = _rows(
        library,
        "select persona_id, value, verdict, members, readings from personalization.persona_content "
        "where facet = 'topic' order by all",
    )
    assert found == [
        ("makers", "data", "more", 40, 120), ("makers", "pricing", "less", 40, 0),
        ("owners", "data", "less", 40, 0), ("owners", "pricing", "more", 40, 120),
    ]  # fmt: skip
    assert report.personas == 2


def test_what_a_handful_read_is_drawn_towards_what_all_do(library: Company) -> None:
    library.item("rare", "legal")
    library.read("owners1", "rare")

    _write(library)

    ((ratio, low, verdict, expected),) = _rows(
        library,
        "select response, response_low, verdict, expected from personalization.persona_content "
        "where value = 'legal' and facet = 'topic' and persona_id = 'owners'",
    )
    assert 1 < ratio < 1 / expected
    assert low < 1
    assert verdict == "alike"


def test_depth_is_that_of_its_readers_drawn_towards_all(library: Company) -> None:
    _write(library)

    depths = dict(
        _rows(
            library,
            "select persona_id, depth from personalization.persona_content "
            "where facet = 'funnel_stage' and value = 'awareness'",
        )
    )
    assert 0.8 < depths["owners"] < 0.9
    assert 0.3 < depths["makers"] < 0.4


def test_a_stage_without_content_for_a_persona_is_a_gap(library: Company) -> None:
    report = _write(library)

    gaps = _rows(
        library,
        "select persona_id, funnel_stage, items, round(unread, 2), status "
        "from personalization.content_gaps order by all",
    )
    assert gaps == [
        ("makers", "awareness", 4, 1.0, "thin"), ("makers", "decision", 2, 2.0, "thin"),
        ("makers", "retention", 0, 0.0, "gap"), ("owners", "awareness", 4, 1.0, "thin"),
        ("owners", "decision", 2, 2.0, "thin"), ("owners", "retention", 0, 0.0, "gap"),
    ]  # fmt: skip
    assert (report.gaps, report.thin) == (2, 4)


def test_content_that_editors_meant_for_a_persona_counts(library: Company) -> None:
    library.warehouse.execute(
        "update marts.content_items set target_persona = 'Owners' where content_id = 'lonely'"
    )

    _write(library)

    assert _rows(
        library,
        "select items, status from personalization.content_gaps "
        "where persona_id = 'owners' and funnel_stage = 'retention'",
    ) == [(1, "thin")]


def test_for_a_persona_without_a_topic_of_its_own_all_content_counts(library: Company) -> None:
    people = [f"all{number}" for number in range(30)]
    library.person(*people)
    _belongs(library, "omnivores", *people)
    for person in people:
        library.read(person, "pricing0", "data0")

    _write(library)

    assert _rows(
        library,
        "select funnel_stage, items, topics from personalization.content_gaps "
        "where persona_id = 'omnivores' order by all",
    ) == [("awareness", 8, "[]"), ("decision", 4, "[]"), ("retention", 1, "[]")]


def test_who_has_not_agreed_teaches_nothing(library: Company) -> None:
    library.warehouse.execute(
        "update marts.consent_current set status = 'denied' where person_id = 'owners0'"
    )

    _write(library)

    ((members, readings),) = _rows(
        library,
        "select members, readings from personalization.persona_content "
        "where persona_id = 'owners' and value = 'pricing'",
    )
    assert (members, readings) == (39, 117)


def test_without_personas_there_is_nothing_to_tell(company: Company) -> None:
    company.warehouse.execute(PERSONAS)

    assert _write(company) == PersonaContentReport(0, 0, 0, 0)


def test_ratios_that_chance_explains_are_all_alike() -> None:
    rng = np.random.default_rng(8)
    expected = rng.uniform(2, 60, 200)

    found = shrink_ratios(rng.poisson(expected).astype(float), expected)

    told = np.mean((found.low > 1) | (found.high < 1))
    assert told < 0.05
    assert np.abs(found.ratio - 1).max() < np.abs(rng.poisson(expected) / expected - 1).max()


def test_shrunken_ratios_miss_the_truth_by_less_and_their_intervals_hold_it() -> None:
    rng = np.random.default_rng(9)
    expected = rng.uniform(1, 30, 2_000)
    truth = rng.gamma(5, 1 / 5, 2_000)
    readings = rng.poisson(truth * expected).astype(float)

    found = shrink_ratios(readings, expected)

    raw, shrunken, best = (
        np.sqrt(np.mean((ratio - truth) ** 2))
        for ratio in (readings / expected, found.ratio, (readings + 5) / (expected + 5))
    )
    assert shrunken < 0.8 * raw
    assert shrunken < 1.01 * best
    assert np.mean((found.low <= truth) & (truth <= found.high)) > 0.93
