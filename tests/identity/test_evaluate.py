"""Quality against a truth that is a file, with figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from identity import TruthFileError, evaluate_members
from identity.evaluate import Accuracy, measure_accuracy
from identity.truth import judging, read_truth
from tests.identity.conftest import Company

HEADER = "source,source_record_id,person_id,ambiguous\n"


def truth(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "truth.csv"
    path.write_text(header + "\n".join(rows) + "\n")
    return path


def fill(company: Company, **persons: str) -> None:
    """Records of source crm; ``shop_b`` is record b of shop."""
    for name, person in persons.items():
        source, record = name.split("_") if "_" in name else ("crm", name)
        company.warehouse.execute(
            "insert into identity.members (source, source_record_id, person_id) "
            f"values ('{source}', '{record}', '{person}')"
        )


def accuracy(company: Company, path: Path) -> Accuracy:
    with judging(company.warehouse, read_truth(path), path):
        return measure_accuracy(company.warehouse)


def test_pairs_are_counted(company: Company, tmp_path: Path) -> None:
    fill(company, a="p1", b="p1", c="p1", d="p2")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,X,0", "crm,c,Y,0", "crm,d,Y,0")

    found = evaluate_members(company.warehouse, path)

    assert (found.true_pairs, found.found_pairs, found.right_pairs) == (2, 3, 1)
    assert (found.precision, found.recall, found.f1) == (
        pytest.approx(1 / 3),
        0.5,
        pytest.approx(0.4),
    )


def test_b_cubed_is_the_mean_over_records(company: Company, tmp_path: Path) -> None:
    """Precision: a and b 2/3, c 1/3, d 1. Recall: a and b 1, c and d 1/2."""
    fill(company, a="p1", b="p1", c="p1", d="p2")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,X,0", "crm,c,Y,0", "crm,d,Y,0")

    found = evaluate_members(company.warehouse, path)

    assert found.bcubed_precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert found.bcubed_recall == pytest.approx((1 + 1 + 1 / 2 + 1 / 2) / 4)
    assert found.bcubed_f1 == pytest.approx(2 * (2 / 3) * (3 / 4) / (2 / 3 + 3 / 4))


def test_the_example_of_bagga_and_baldwin(company: Company, tmp_path: Path) -> None:
    """Their second response: 1-5 right, 6-7 and 8-12 joined; precision .58, recall 1 (table 2)."""
    joined = {**dict.fromkeys("abcde", "p1"), **dict.fromkeys("fg", "p2")}
    fill(company, **joined, **dict.fromkeys("hijkl", "p1"))
    groups = {"A": "abcde", "B": "fg", "C": "hijkl"}
    rows = [f"crm,{record},{group},0" for group, records in groups.items() for record in records]

    found = evaluate_members(company.warehouse, truth(tmp_path, *rows))

    assert found.bcubed_precision == pytest.approx(7 / 12)
    assert found.bcubed_recall == 1


def test_a_missing_record_costs_recall_and_not_precision(company: Company, tmp_path: Path) -> None:
    """a, b, c are one person, c is nowhere: 1 of 3 pairs; recall of a and b 2/3, of c 0."""
    fill(company, a="p1", b="p1")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,X,0", "crm,c,X,0")

    found = evaluate_members(company.warehouse, path)

    assert (found.missing_records, found.true_pairs, found.right_pairs) == (1, 3, 1)
    assert (found.precision, found.recall) == (1, pytest.approx(1 / 3))
    assert found.bcubed_precision == 1
    assert found.bcubed_recall == pytest.approx((2 / 3 + 2 / 3) / 3)


def test_records_that_the_truth_does_not_know_are_not_judged(
    company: Company, tmp_path: Path
) -> None:
    fill(company, a="p1", b="p1", stranger="p1")

    found = evaluate_members(company.warehouse, truth(tmp_path, "crm,a,X,0", "crm,b,X,0"))

    assert (found.found_pairs, found.precision, found.bcubed_precision) == (1, 1, 1)


def test_ambiguous_records_are_left_out_and_missing_ones_counted(
    company: Company, tmp_path: Path
) -> None:
    fill(company, a="p1", b="p1")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,Y,1", "crm,gone,X,0")

    found = evaluate_members(company.warehouse, path)

    assert (found.records, found.missing_records, found.found_pairs) == (1, 1, 0)


def test_figures_of_two_sources_add_up_to_the_whole(company: Company, tmp_path: Path) -> None:
    """Truth: a, b, shop c; found: a and shop c, shop d; so one right and one missed across."""
    fill(company, a="p1", b="p2", shop_c="p1", shop_d="p1")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,X,0", "shop,c,X,0", "shop,d,Y,0")

    found = accuracy(company, path)

    counts = {
        (row["left_source"], row["right_source"]): (
            row["true_pairs"], row["found_pairs"], row["right_pairs"],
        )
        for row in found.by_source.to_pylist()
    }  # fmt: skip
    assert counts == {("crm", "crm"): (1, 0, 0), ("crm", "shop"): (2, 2, 1), ("shop", "shop"): (0, 1, 0)}  # fmt: skip
    assert [sum(parts) for parts in zip(*counts.values(), strict=True)] == [
        found.quality.true_pairs, found.quality.found_pairs, found.quality.right_pairs,
    ]  # fmt: skip


def test_sizes_found_stand_beside_sizes_in_truth(company: Company, tmp_path: Path) -> None:
    fill(company, a="p1", b="p1", c="p1", d="p2")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,X,0", "crm,c,Y,0", "crm,d,Y,0")

    sizes = accuracy(company, path).sizes.to_pylist()

    assert sizes == [
        {"records": 1, "found_persons": 1, "true_persons": 0},
        {"records": 2, "found_persons": 0, "true_persons": 2},
        {"records": 3, "found_persons": 1, "true_persons": 0},
    ]


def test_the_worst_person_is_named_with_the_people_in_it(company: Company, tmp_path: Path) -> None:
    fill(company, a="p1", b="p1", c="p1", d="p2", e="p2")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,X,0", "crm,c,Y,0", "crm,d,Z,0", "crm,e,W,0")

    worst = accuracy(company, path).joined.to_pylist()

    assert [(row["records"], row["persons"], row["wrong_pairs"]) for row in worst] == [
        (3, 2, 2),
        (2, 2, 1),
    ]
    parts = {row["source_record_id"]: row["part"] for row in worst[0]["members"]}
    assert parts == {"a": 1, "b": 1, "c": 2}


def test_who_is_split_most_is_named_and_what_nobody_has_is_part_0(
    company: Company, tmp_path: Path
) -> None:
    fill(company, a="p1", b="p1", c="p2")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,X,0", "crm,c,X,0", "crm,gone,X,0", "crm,lost,X,0")

    (worst,) = accuracy(company, path).split.to_pylist()

    assert (worst["records"], worst["persons"], worst["missed_pairs"]) == (5, 4, 9)
    parts = {row["source_record_id"]: row["part"] for row in worst["members"]}
    assert parts == {"a": 1, "b": 1, "c": 2, "gone": 0, "lost": 0}


def test_numbers_as_ids_keep_their_zeros(company: Company, tmp_path: Path) -> None:
    fill(company, **{"007": "p1", "2": "p1"})
    path = truth(tmp_path, "crm,007,7", "crm,2,7", header="source,source_record_id,person_id\n")

    assert evaluate_members(company.warehouse, path).right_pairs == 1


@pytest.mark.parametrize("name", ["cluster_id", "cluster", "entity_id", "Person_ID"])
def test_the_person_may_be_called_a_cluster(company: Company, tmp_path: Path, name: str) -> None:
    fill(company, a="p1", b="p1")
    path = truth(tmp_path, "crm,a,7", "crm,b,7", header=f"source,source_record_id,{name}\n")

    assert evaluate_members(company.warehouse, path).right_pairs == 1


@pytest.mark.parametrize(
    ("header", "rows", "problem"),
    [
        pytest.param("source,source_record_id", ["crm,a"], "has no column person_id", id="person"),
        pytest.param("source,person_id", ["crm,X"], "has no column source_record_id", id="record"),
        pytest.param("source,source_record_id,cluster,entity_id", ["crm,a,1,2"], "either may be", id="two"),
        pytest.param("source,source_record_id,person_id", ["crm,a,X", "crm,a,Y"], "more than one person", id="twice"),
        pytest.param("source,source_record_id,person_id", ["shop,z,X"], "names no record", id="none"),
        pytest.param("", [], "has no column person_id", id="empty"),
        pytest.param("source,source_record_id,person_id", ['crm,"a,X'], "cannot be read", id="broken"),
    ],
)  # fmt: skip
def test_a_truth_that_cannot_be_compared_with_says_why(
    company: Company, tmp_path: Path, header: str, rows: list[str], problem: str
) -> None:
    fill(company, a="p1")
    path = truth(tmp_path, *rows, header=f"{header}\n")

    with pytest.raises(TruthFileError, match=problem):
        evaluate_members(company.warehouse, path)


def test_a_missing_truth_says_so(company: Company, tmp_path: Path) -> None:
    with pytest.raises(TruthFileError, match="cannot be read"):
        evaluate_members(company.warehouse, tmp_path / "nowhere.csv")
