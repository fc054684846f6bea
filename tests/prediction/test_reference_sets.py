"""Data that others published, with answers that others found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from prediction.dataset import Examples, Flags, Floats
from prediction.errors import TooFewPurchasesError
from prediction.leakage import find_leaks
from prediction.logistic import FOLDS, train
from prediction.metrics import auc, expected_calibration_error
from prediction.purchases import Purchases, fit_repeats
from prediction.threads import on_one_thread

SEED = 3


def numbers(table: pa.Table, leave_out: set[str]) -> Mapping[str, Floats]:
    """Columns of numbers as they are, of words as one flag per word."""
    found: dict[str, Floats] = {}
    for name in [name for name in table.column_names if name not in leave_out]:
        column = table[name].to_numpy()
        if column.dtype.kind in "fi":
            found[name] = column.astype(float)
            continue
        words, codes = np.unique(column.astype(str), return_inverse=True)
        found |= {f"{name}={word}": (codes == n).astype(float) for n, word in enumerate(words)}
    return found


def examples(columns: Mapping[str, Floats], outcomes: Flags) -> Examples:
    n = len(outcomes)
    values = np.column_stack(list(columns.values()))
    return Examples(tuple(columns), values, outcomes, np.repeat("training", n), np.arange(n), "")


@on_one_thread
def held_out_scores(data: Examples) -> Floats:
    """Scores of each row by a model that did not see it, in five folds."""
    fold = np.random.default_rng(SEED).permutation(len(data)) % FOLDS
    use, found = np.ones(len(data.features), dtype=bool), np.empty(len(data))
    for number in range(FOLDS):
        model = train(data.where(fold != number), use=use, seed=SEED)
        found[fold == number] = model.predict(data.values[fold == number])
    return found


@pytest.fixture(scope="module")
def churn(shared_data: Path) -> Examples:
    file = shared_data / "propensity" / "telco_churn" / "Telco-Customer-Churn.csv"
    options = pyarrow.csv.ConvertOptions(
        column_types={"TotalCharges": pa.float64()}, null_values=["", " "]
    )
    table = pyarrow.csv.read_csv(file, convert_options=options)
    outcomes = table["Churn"].to_numpy() == "Yes"
    return examples(numbers(table, {"Churn", "customerID"}), outcomes)


def test_churn_is_told_as_well_as_published(churn: Examples) -> None:
    scores = held_out_scores(churn)

    assert auc(scores, churn.outcomes) >= 0.845
    assert expected_calibration_error(scores, churn.outcomes) <= 0.03


@pytest.fixture(scope="module")
def shoppers(shared_data: Path) -> Examples:
    file = shared_data / "propensity" / "online_shoppers" / "online_shoppers_intention.csv"
    table = pyarrow.csv.read_csv(file)
    return examples(numbers(table, {"Revenue"}), table["Revenue"].to_numpy(zero_copy_only=False))


@on_one_thread
def leaks_of(data: Examples) -> list[str]:
    """What is suspected where one half is learnt from and the other one judged on."""
    first = np.random.default_rng(SEED).random(len(data)) < 0.5
    use = np.ones(len(data.features), dtype=bool)
    found = find_leaks(data.where(first), data.where(~first), use, seed=SEED)
    return [leak.feature for leak in found]


def test_the_value_of_pages_that_is_known_after_buying_is_suspected(shoppers: Examples) -> None:
    assert leaks_of(shoppers) == ["PageValues"]


def test_no_honest_column_is_suspected(churn: Examples) -> None:
    assert leaks_of(churn) == []


CUSTOMERS = "lifetimes_cdnow_customers_summary_with_transactions.csv"


@pytest.fixture(scope="module")
def purchases(shared_data: Path) -> Purchases:
    rows = pyarrow.csv.read_csv(shared_data / "propensity" / "cdnow" / CUSTOMERS)
    repeats, last, known = (rows[name].to_numpy().astype(float) for name in ("x", "t_x", "T"))
    return Purchases(repeats, last, known)


def test_repeat_purchases_have_the_published_parameters(purchases: Purchases) -> None:
    found = fit_repeats(purchases)

    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert {name: getattr(found, name) for name in published} == pytest.approx(published, rel=0.01)


def test_who_bought_often_and_not_for_long_has_left_and_buys_less(purchases: Purchases) -> None:
    model = fit_repeats(purchases)
    fresh, gone = (
        Purchases(np.array([5.0]), np.array([last]), np.array([38.0])) for last in (36, 6)
    )

    assert model.alive(fresh)[0] > 3 * model.alive(gone)[0]
    assert model.expected(fresh, 39.0)[0] > 5 * model.expected(gone, 39.0)[0]


def test_too_few_who_came_back_are_told_how_many_more_are_needed() -> None:
    sparse = Purchases(np.repeat([0.0, 1.0], [500, 120]), np.ones(620), np.full(620, 9.0))

    with pytest.raises(TooFewPurchasesError, match="needs 80 more"):
        fit_repeats(sparse)
