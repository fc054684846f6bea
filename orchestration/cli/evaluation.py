"""What ``candor identity evaluate`` does and shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import typer

from identity.evaluate import Accuracy
from identity.evaluation import Evaluation, Truth
from identity.evaluation import evaluate as evaluate_persons
from identity.evaluation_report import evaluation_page
from identity.truth import read_truth
from orchestration.cli.output import console, print_json, print_rows, showing_progress
from orchestration.company import Company
from orchestration.trial import existing_home, temporary_home
from settings import Paths


def run_evaluation(
    paths: Paths,
    *,
    truth: Path | None,
    report: Path | None,
    is_temporary: bool,
    show_ids: bool,
    as_json: bool,
) -> None:
    """Judge a data home or a temporary one, write the page, print the figures."""
    if report is not None and not report.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {report.absolute().parent} for the report")
    # Before anything that takes time.
    given = None if truth is None else Truth(read_truth(truth), truth)
    opened = (
        temporary_home(paths.config, paths.landing)
        if is_temporary
        else existing_home(Company(paths))
    )
    with showing_progress(), opened as trial:
        found = evaluate_persons(trial.warehouse, trial.model, truth=given, seconds=trial.seconds)
    if report is not None:
        write_private(report, evaluation_page(found))
    if as_json:
        print_json(as_numbers(found, show_ids=show_ids))
        return
    _show(found, show_ids=show_ids)
    if report is not None:
        console.print(f"\nThe report is {report.absolute()}")


def write_private(path: Path, text: str) -> None:
    """Write a page that only its owner reads: it may name records."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


def as_numbers(found: Evaluation, *, show_ids: bool) -> dict[str, Any]:
    """Everything as JSON takes it; records by number unless ids are asked for."""
    model: dict[str, Any] = {"threshold": found.findings.threshold}
    if found.expected is not None:
        model |= {"expected_precision": found.expected[0], "expected_recall": found.expected[1]}
    return {
        **(_truth_numbers(found, found.accuracy, show_ids=show_ids) if found.accuracy else {}),
        **model,
        "persons": found.persons.persons,
        **found.persons.shares(),
        "singletons_by_source": found.persons.singletons.to_pylist(),
        "persons_by_records": found.persons.sizes.to_pylist(),
        "links_by_source": found.findings.links.to_pylist(),
        "seconds": dict(found.seconds),
    }


def _truth_numbers(found: Evaluation, accuracy: Accuracy, *, show_ids: bool) -> dict[str, Any]:
    quality = accuracy.quality
    return {
        "records": quality.records, "missing": quality.missing_records,
        "true_pairs": quality.true_pairs, "found_pairs": quality.found_pairs,
        "right_pairs": quality.right_pairs,
        "precision": quality.precision, "recall": quality.recall, "f1": quality.f1,
        "bcubed_precision": quality.bcubed_precision, "bcubed_recall": quality.bcubed_recall,
        "bcubed_f1": quality.bcubed_f1,
        "misses": found.misses.to_pylist() if found.misses is not None else [],
        "sizes": accuracy.sizes.to_pylist(),
        "by_source": accuracy.by_source.to_pylist(),
        "wrongly_joined": _worst(accuracy.joined, show_ids=show_ids),
        "most_split": _worst(accuracy.split, show_ids=show_ids),
    }  # fmt: skip


def _worst(rows: pa.Table, *, show_ids: bool) -> list[dict[str, Any]]:
    shown = rows if show_ids else rows.drop_columns(["members"])
    found: list[dict[str, Any]] = shown.to_pylist()
    return found


def _show(found: Evaluation, *, show_ids: bool) -> None:
    if found.accuracy is not None:
        _show_accuracy(found, found.accuracy, show_ids=show_ids)
    _show_threshold(found)
    persons = found.persons
    shares = [
        {"sign": name.replace("_", " "), "share": share} for name, share in persons.shares().items()
    ]
    print_rows(f"{persons.persons:,} persons with source records", shares)
    print_rows("Records that are a person by themselves", persons.singletons)
    if found.accuracy is None:
        print_rows("Persons by number of records", persons.sizes)
    if found.seconds:
        seconds = [{"step": step, "seconds": s} for step, s in found.seconds.items()]
        print_rows("Seconds by step", seconds)


def _show_accuracy(found: Evaluation, accuracy: Accuracy, *, show_ids: bool) -> None:
    quality = accuracy.quality
    counts = {
        "records": quality.records, "missing": quality.missing_records,
        "true_pairs": quality.true_pairs, "found_pairs": quality.found_pairs,
        "right_pairs": quality.right_pairs,
    }  # fmt: skip
    measures = [
        {"measure": "pairwise", "precision": quality.precision, "recall": quality.recall,
         "f1": quality.f1},
        {"measure": "B-cubed", "precision": quality.bcubed_precision,
         "recall": quality.bcubed_recall, "f1": quality.bcubed_f1},
    ]  # fmt: skip
    print_rows("Persons, against the truth", [counts])
    print_rows("How good", measures)
    print_rows("Missed pairs, by cause", found.misses if found.misses is not None else [])
    print_rows("By sources of the two records", accuracy.by_source)
    print_rows("Persons by number of records", accuracy.sizes)
    _show_worst("Persons who hold most wrong pairs", accuracy.joined, show_ids=show_ids)
    _show_worst("People who are split most", accuracy.split, show_ids=show_ids)


def _show_worst(title: str, rows: pa.Table, *, show_ids: bool) -> None:
    print_rows(title, rows.drop_columns(["members"]))
    for number, row in enumerate(rows.to_pylist() if show_ids else (), start=1):
        print_rows(f"Row {number}", row["members"])


def _show_threshold(found: Evaluation) -> None:
    threshold = found.findings.threshold
    if threshold is None:
        console.print("Rules alone decide: there are too few records for a model, or it is off.")
        return
    row: dict[str, Any] = {"threshold": threshold}
    if found.expected is not None:
        row |= {"expected_precision": found.expected[0], "expected_recall": found.expected[1]}
    print_rows("The threshold, and what is expected of all pairs of records", [row])
