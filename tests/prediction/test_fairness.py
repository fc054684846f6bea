from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from prediction import SensitiveFeatureError, UnknownGroupError, read_cards, without_sensitive
from prediction.fairness import compare_groups, share_interval
from tests.prediction.conftest import Company, predictions

ORIGIN = {"sessions_30d": ("raw.events.device_health",)}


def test_a_sensitive_feature_is_left_out_unless_the_model_says_what_for() -> None:
    plain = without_sensitive(predictions(), ORIGIN).models["trial"]
    declared = predictions(sensitive={"sessions_30d": "reminders that patients asked for"})

    assert plain.leave_out == ["sessions_30d"]
    assert without_sensitive(declared, ORIGIN) == declared


def test_a_rule_that_needs_a_sensitive_feature_is_refused() -> None:
    with pytest.raises(SensitiveFeatureError, match=r"downloads_30d \(from raw.notes.text\)"):
        without_sensitive(predictions(), {"downloads_30d": ("raw.notes.text",)})


@pytest.mark.parametrize(("count", "people"), [(0, 60), (7, 90), (90, 90)])
def test_the_interval_of_a_share_is_that_of_scipy(count: int, people: int) -> None:
    found = share_interval(count, people)

    expected = stats.binomtest(count, people).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_groups_are_compared_and_small_ones_put_together() -> None:
    rng = np.random.default_rng(1)
    kinds = np.repeat(["north", "south", "", "isle", "cape"], [600, 300, 80, 30, 30])
    scores = rng.uniform(0.05, 0.35, 1_040)
    # In the south twice as many do it as foretold.
    outcomes = rng.random(1_040) < np.where(kinds == "south", 2 * scores, scores)

    found = {group.name: group for group in compare_groups(kinds, scores, outcomes)}

    assert {name: group.people for name, group in found.items()} == {
        "north": 600, "south": 300, "unknown": 80, "other groups": 60,
    }  # fmt: skip
    assert found["south"].ratio_interval.low > 1.2
    assert found["north"].ratio_interval.low < 1 < found["north"].ratio_interval.high
    doers = (kinds == "south") & outcomes
    assert found["south"].found == np.mean(scores[doers] >= np.quantile(scores, 0.9))
    assert found["south"].found_interval is not None
    for group in found.values():
        shares = [(group.rate, group.rate_interval), (group.chosen, group.chosen_interval)]
        if group.found is not None and group.found_interval is not None:
            shares.append((group.found, group.found_interval))
        assert all(interval.low <= share <= interval.high for share, interval in shares)


def test_the_card_compares_the_groups_that_the_configuration_names(published: Company) -> None:
    kinds = pa.table({"id": [f"p{n:05}" for n in range(4_000)], "kind": ["A", "B"] * 2_000})
    with published.warehouse.view("kinds", kinds):
        published.warehouse.execute(
            "update marts.profiles set country = kind from kinds where person_id = id"
        )

    published.predict(predictions(groups=["country"]))

    cards = read_cards(published.warehouse, published.artifacts, "trial")
    (card,) = [found for found in cards if "groups" in found]
    assert {group["name"] for group in card["groups"]["country"]} == {"A", "B"}
    assert sum(group["people"] for group in card["groups"]["country"]) == card["metrics"]["people"]


def test_a_column_that_profiles_do_not_have_is_named(published: Company) -> None:
    with pytest.raises(UnknownGroupError, match="contry"):
        published.predict(predictions(groups=["contry"]), retrain=True)
