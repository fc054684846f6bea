"""The weight of a pair taken apart, the causes of misses, and what needs no truth."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from identity import RecordName
from identity.block import ADDED
from identity.compare import COMPARED
from identity.evaluation import Evaluation, Model, Truth, evaluate
from identity.evaluation_report import evaluation_page
from identity.knowledge import Knowledge
from identity.learn import apply_knowledge
from identity.model import COMPARISONS
from identity.pair import Reason, reasons_of_pair
from identity.pictures import NAMES, draw_findings
from identity.resolve import compare_again
from identity.truth import read_truth
from identity.waterfall_page import Explained, waterfall_page
from tests.identity.conftest import Company

ANN, BOB = RecordName("crm", "1"), RecordName("crm", "4")


def ask(
    company: Company, one: RecordName, other: RecordName, *, show_values: bool = False
) -> tuple[Reason, ...]:
    return reasons_of_pair(
        company.warehouse, lambda pairs: recall(company, pairs), one, other, show_values=show_values
    )


def recall(
    company: Company, pairs: Sequence[tuple[RecordName, RecordName]] = ()
) -> Knowledge | None:
    return compare_again(
        company.warehouse, company.config, seed=7, artifacts=company.artifacts,
        default_region="US", also=pairs,
    )  # fmt: skip


@pytest.fixture(scope="module")
def fake(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A thousand records, resolved with a model."""
    company = Company(tmp_path_factory.mktemp("fake"))
    company.warehouse.execute(
        f"""
        insert into staging.stg_raw__person_records by name
        select 'fake' as source, unique_id as source_record_id, first_name, surname as last_name,
            dob as birth_date, city, email
        from read_csv('{shared_data}/identity/fake_1000/fake_1000.csv', all_varchar = true)
        """
    )
    company.resolve()
    return company


@pytest.fixture(scope="module")
def judged(
    fake: Company, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Evaluation:
    path = tmp_path_factory.mktemp("truth") / "truth.csv"
    fake.warehouse.execute(
        f"copy (select 'fake' as source, unique_id as source_record_id, cluster "
        f"from read_csv('{shared_data}/identity/fake_1000/fake_1000.csv', all_varchar = true)) "
        f"to '{path}'"
    )
    known = recall(fake)
    assert known is not None
    model = Model(known.mixture.fields(known.fields), known.threshold)
    return evaluate(fake.warehouse, model, truth=Truth(read_truth(path), path), seconds={"load": 1})


def a_pair(company: Company, sql: str) -> tuple[RecordName, RecordName]:
    row = company.warehouse.read(f"{sql} limit 1").to_pylist()[0]
    return RecordName("fake", row["one"]), RecordName("fake", row["other"])


def alike(company: Company) -> tuple[RecordName, RecordName]:
    return a_pair(
        company,
        "select left_record_id as one, right_record_id as other from identity.links "
        "where kind = 'probabilistic' and not is_cut order by probability, one, other",
    )


def test_the_steps_of_a_link_add_up_to_its_stored_probability(fake: Company) -> None:
    one, other = alike(fake)

    (reason,) = ask(fake, one, other)

    stored = fake.warehouse.scalar(
        "select probability from identity.links where left_record_id = $one "
        "and right_record_id = $other",
        {"one": one.source_record_id, "other": other.source_record_id},
    )
    assert reason.waterfall is not None
    assert sum(step.bits for step in reason.waterfall.steps) == pytest.approx(
        reason.waterfall.weight
    )
    assert reason.waterfall.probability == pytest.approx(stored, abs=1e-6)
    assert reason.waterfall.was_blocked


def strangers(company: Company) -> tuple[RecordName, RecordName]:
    return a_pair(
        company,
        "select one.source_record_id as one, other.source_record_id as other "
        "from temp.identity_records as one join temp.identity_records as other "
        "on one.first_name < other.first_name and one.last_name < other.last_name "
        "and one.birth_date < other.birth_date and one.email < other.email "
        "and one.city < other.city and left(one.first_name, 1) <> left(other.first_name, 1) "
        "order by one.record desc, other.record",
    )


def test_strangers_were_never_compared_and_are_weighed_all_the_same(fake: Company) -> None:
    (reason,) = ask(fake, *strangers(fake))

    assert "never compared" in reason.said
    assert reason.waterfall is not None
    assert not reason.waterfall.was_blocked
    assert reason.waterfall.probability < 0.01


def test_a_pair_that_only_a_shared_value_links_is_said_to_be_held_back(fake: Company) -> None:
    levels = ", ".join(f"{item.name} = {int(item.name == 'email') * 2 - 1}" for item in COMPARISONS)

    def compare(pairs: Sequence[tuple[RecordName, RecordName]]) -> Knowledge | None:
        known = recall(fake, pairs)
        assert known is not None
        fake.warehouse.execute(
            f"update {COMPARED} set {levels} "
            f"where (left_record, right_record) in (select (left_record, right_record) from {ADDED})"
        )
        apply_knowledge(fake.warehouse, fake.config, known)
        return known

    (reason,) = reasons_of_pair(fake.warehouse, compare, *strangers(fake))

    assert "Nothing but a shared email agrees" in reason.said
    assert reason.waterfall is not None
    *free, last = reason.waterfall.steps
    assert sum(step.bits for step in free) > reason.waterfall.weight
    assert last.name == "shared alone"
    assert reason.waterfall.probability == pytest.approx(fake.config.review_probability / 2)


def test_the_page_needs_no_network_and_shows_values_only_when_asked(fake: Company) -> None:
    one, other = alike(fake)
    (shown,) = ask(fake, one, other, show_values=True)
    (hidden,) = ask(fake, one, other)
    assert shown.waterfall is not None
    value = next(s.values[0] for s in shown.waterfall.steps if s.values and len(s.values[0]) > 4)

    open_page, page = (
        waterfall_page("Two", [Explained("a and b", reason.said, reason.waterfall)])
        for reason in (shown, hidden)
    )

    spec = json.loads(re.findall(r'data-for="chart0">(.*?)</script>', page)[0])
    bars = [bar["column_name"] for bar in spec["data"]["values"]]
    assert (bars[0], bars[-1]) == ("Prior", "Final score")
    assert not re.search(r'<(script|link|img)[^>]*(src|href)="http', page)
    assert value in open_page
    assert value not in page.split("<script>", maxsplit=1)[0]


def test_records_without_a_path_and_a_model_say_so(company: Company) -> None:
    company.record("crm", "1", full_name="Ann Lee", email="ann@lee.example")
    company.record("crm", "4", full_name="Bob Ray", email="bob@ray.example")
    company.resolve()

    (reason,) = ask(company, ANN, BOB)

    assert "two persons" in reason.said
    assert "No model weighs pairs" in reason.said
    assert reason.waterfall is None


def test_a_path_over_a_third_record_has_a_reason_for_each_link(company: Company) -> None:
    company.record("crm", "1", full_name="Ann Lee", email="ann@lee.example")
    company.record("shop", "2", full_name="Ann Lee", email="ann@lee.example", phone="206 555 0100")
    company.record("support", "3", full_name="Ann Lee", phone="(206) 555-0100")
    company.resolve()

    reasons = ask(company, RecordName("support", "3"), ANN)

    assert [(reason.left.source, reason.right.source) for reason in reasons] == [
        ("support", "shop"),
        ("shop", "crm"),
    ]
    assert ["same phone" in reasons[0].said, "same email" in reasons[1].said] == [True, True]


def test_every_missed_pair_has_one_cause(judged: Evaluation) -> None:
    assert judged.accuracy is not None
    assert judged.misses is not None
    quality = judged.accuracy.quality

    causes = {row["cause"]: row["pairs"] for row in judged.misses.to_pylist()}

    assert sum(causes.values()) == quality.true_pairs - quality.right_pairs
    assert causes["never blocked together"] > 0
    assert causes["scored below the threshold"] > 0


def test_a_pair_that_was_cut_is_missed_because_of_it(company: Company, tmp_path: Path) -> None:
    company.record("crm", "1", full_name="Ann Lee", email="ann@lee.example")
    company.record("crm", "4", full_name="Ann Lee", email="ann@lee.example")
    company.resolve()
    company.decide("cannot_link", ("crm", "1"), ("crm", "4"))
    company.resolve()
    path = tmp_path / "truth.csv"
    path.write_text("source,source_record_id,person_id\ncrm,1,X\ncrm,4,X\ncrm,gone,X\n")

    found = evaluate(company.warehouse, Model(), truth=Truth(read_truth(path), path), seconds={})

    assert found.misses is not None
    assert found.misses.to_pylist() == [
        {"cause": "a record is not here", "pairs": 2},
        {"cause": "cut by a constraint", "pairs": 1},
    ]


def test_expected_precision_is_what_the_configuration_asks(judged: Evaluation) -> None:
    assert judged.expected is not None
    assert 0.97 <= judged.expected[0] < 0.975
    assert judged.findings.expected is not None
    assert judged.findings.measured is not None
    recall = judged.findings.expected.recall
    # Some right pairs are so unlikely that likeness never links them.
    assert judged.expected[1] <= recall[-1] < 1
    assert (recall[1:] >= recall[:-1]).all()


def test_all_pictures_are_drawn_and_the_report_stands_by_itself(judged: Evaluation) -> None:
    page = evaluation_page(judged)

    assert [one.name for one in draw_findings(judged.findings)] == list(NAMES)
    assert page.count("data:image/svg+xml;base64,") == len(NAMES)
    assert "http" not in re.sub(r"base64,[^\"]+", "", page)


def test_a_person_of_many_names_is_counted(company: Company) -> None:
    for number, name in enumerate(("Ann", "Bea", "Cleo", "Dora")):
        company.record("crm", str(number), first_name=name, last_name="Lee", user_id="u1")
    company.record("shop", "9", first_name="Eve", last_name="Ray")

    report = company.resolve()

    assert report.quality is not None
    assert (report.quality.persons, report.quality.many_given_names) == (2, 0.5)
    assert report.quality.many_last_names == 0
    assert report.quality.singletons.to_pylist() == [
        {"source": "crm", "records": 4, "singletons": 0, "share": 0.0},
        {"source": "shop", "records": 1, "singletons": 1, "share": 1.0},
    ]
