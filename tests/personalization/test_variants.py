"""Which variant to show: what is believed, and how often that is right."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from measurement import Counts, Sample, design_effect
from personalization.variants import HARMFUL, believe, is_enough, probabilities

ARMS = ("control", "b")


def world(
    rates: Mapping[str, tuple[float, ...]], size: int, *, seed: int, arms: tuple[str, ...] = ARMS
) -> dict[str, dict[str, Counts]]:
    """One draw of an experiment: rate of each arm by segment."""
    generator = np.random.default_rng(seed)
    return {
        segment: {
            arm: Counts(size, int(generator.binomial(size, rate)))
            for arm, rate in zip(arms, of_arms, strict=True)
        }
        for segment, of_arms in rates.items()
    }


def test_a_clear_gain_is_believed_and_shown() -> None:
    table = {"all": {"control": Counts(5000, 250), "b": Counts(5000, 400)}}

    beliefs = believe(table, ARMS, baseline="control")["all"]

    assert beliefs["b"].p_best > 0.99
    assert beliefs["b"].effect == pytest.approx(0.03, abs=0.004)
    assert probabilities(beliefs, floor=0.05) == {
        "control": pytest.approx(0.05, abs=0.01), "b": pytest.approx(0.95, abs=0.01),
    }  # fmt: skip


def test_probability_of_being_best_is_that_of_two_normals() -> None:
    """Flat in both rates, one segment: the textbook answer."""
    table = {"all": {"control": Counts(4000, 200), "b": Counts(4000, 220)}}
    from scipy import stats  # noqa: PLC0415 - takes a second

    error = np.sqrt(sum((c + 1) * (4001 - c) / 4002**3 for c in (200, 220)))
    expected = stats.norm.cdf((0.055 - 0.05) / error)

    found = believe(table, ARMS, baseline="control")["all"]["b"].p_best

    assert found == pytest.approx(expected, abs=0.05)


def test_a_harmful_segment_is_switched_off_and_the_others_are_not() -> None:
    rates = {"a": (0.05, 0.07), "b": (0.08, 0.10), "c": (0.03, 0.05), "bad": (0.10, 0.04)}

    beliefs = believe(world(rates, 4000, seed=1), ARMS, baseline="control")

    assert probabilities(beliefs["bad"], floor=0.05) == {"control": 1.0, "b": 0.0}
    assert all(probabilities(beliefs[name], floor=0.05)["b"] > 0.8 for name in ("a", "b", "c"))


def test_a_small_segment_leans_on_the_others() -> None:
    rates = dict.fromkeys(("a", "b", "c", "d"), (0.05, 0.08))
    table = world(rates, 5000, seed=3)
    table["tiny"] = {"control": Counts(60, 3), "b": Counts(60, 2)}

    assert believe(table, ARMS, baseline="control")["tiny"]["b"].p_best > 0.8


@pytest.mark.parametrize(
    ("control", "few"), [((60, 18), (9, 0)), ((500, 75), (49, 0)), ((400, 20), (60, 0))]
)
def test_few_people_prove_no_harm_by_what_they_did(
    control: tuple[int, int], few: tuple[int, int]
) -> None:
    """Fewer than 50, or than five whom chance would have convert: no normal noise."""
    clear = {"control": Counts(4000, 200), "b": Counts(4000, 240)}
    table = {"a": clear, "few": {"control": Counts(*control), "b": Counts(*few)}}
    enough = {**table, "few": {"control": Counts(500, 75), "b": Counts(60, 0)}}

    found = believe(table, ARMS, baseline="control")["few"]["b"]

    assert found.p_harmful < HARMFUL
    assert found.effect < 0
    assert believe(enough, ARMS, baseline="control")["few"]["b"].p_harmful >= HARMFUL


def test_few_people_are_spared_what_harms_everywhere_else() -> None:
    table = world(dict.fromkeys("abcd", (0.10, 0.06)), 5000, seed=3)
    table["few"] = {"control": Counts(20, 2), "b": Counts(20, 3)}

    assert believe(table, ARMS, baseline="control")["few"]["b"].p_harmful >= HARMFUL


def test_a_segment_that_never_met_an_arm_gets_what_holds_elsewhere() -> None:
    table = world(dict.fromkeys(("a", "b", "c"), (0.05, 0.09)), 5000, seed=4)
    table["fresh"] = {"control": Counts(3000, 150)}

    beliefs = believe(table, ARMS, baseline="control")["fresh"]

    assert beliefs["b"].p_best > 0.8
    assert beliefs["b"].effect > 0.01


def test_fewer_may_be_better() -> None:
    table = {"all": {"control": Counts(5000, 400), "b": Counts(5000, 250)}}

    beliefs = believe(table, ARMS, baseline="control", is_better=-1)["all"]

    assert beliefs["b"].p_best > 0.99
    assert beliefs["b"].effect < 0


def test_shares_add_up_and_none_is_below_the_floor() -> None:
    arms = ("control", "b", "c", "d")
    rates = {"x": (0.05, 0.05, 0.05, 0.02), "y": (0.1, 0.1, 0.12, 0.1)}

    for beliefs in believe(
        world(rates, 3000, seed=5, arms=arms), arms, baseline="control"
    ).values():
        shares = probabilities(beliefs, floor=0.05)
        assert sum(shares.values()) == pytest.approx(1)
        assert all(share == 0 or share >= 0.05 for share in shares.values())
        assert shares["control"] > 0


@pytest.mark.parametrize(
    ("b", "expected"),
    [(Counts(250, 25), True), (Counts(249, 25), False), (Counts(400, 24), False)],
)
def test_two_arms_must_have_met_enough_people(b: Counts, expected: bool) -> None:
    assert is_enough({"control": Counts(900, 90), "b": b}, ARMS) is expected
    assert not is_enough({"control": Counts(900, 90)}, ARMS)


def test_an_arm_that_differs_nowhere_is_seldom_switched_off() -> None:
    """Of 200 worlds in which nothing helps or harms, 4 segments each."""
    rates = {name: (rate, rate) for name, rate in zip("abcd", (0.03, 0.05, 0.08, 0.1), strict=True)}

    off = [
        belief["b"].p_harmful >= 0.975
        for seed in range(200)
        for belief in believe(world(rates, 1500, seed=seed), ARMS, baseline="control").values()
    ]

    assert np.mean(off) <= 0.035


def test_beliefs_hold_as_often_as_they_say() -> None:
    """Where an arm is called best with 60 to 90 %, it is the best about that often."""
    generator = np.random.default_rng(11)
    said, held = [], []
    for seed in range(150):
        common = generator.normal(0, 0.01)
        rates = {
            name: (base, float(np.clip(base + common + generator.normal(0, 0.01), 0.005, 0.3)))
            for name, base in zip("abcd", generator.uniform(0.04, 0.12, 4), strict=True)
        }
        beliefs = believe(world(rates, 1200, seed=seed), ARMS, baseline="control")
        for name, (base, other) in rates.items():
            said.append(beliefs[name]["b"].p_best)
            held.append(other > base)
    middle = np.array([(0.6 <= value <= 0.9) for value in said])

    assert np.array(held)[middle].mean() == pytest.approx(np.array(said)[middle].mean(), abs=0.08)


def companies(chance: np.random.Generator) -> tuple[dict[str, Counts], list[Sample]]:
    """Two arms of 60 companies of 1 to 24 persons, of whom some convert much and some little."""
    sizes, habits = chance.integers(1, 25, 120), chance.beta(2, 10, 120)
    converted = chance.binomial(sizes, habits)
    found, samples = {}, []
    for number, arm in enumerate(ARMS):
        mine = np.arange(120) % 2 == number
        n, did = sizes[mine].astype(float), converted[mine].astype(float)
        rows = np.stack([did, n, np.zeros(len(n)), n])
        found[arm] = Counts(int(n.sum()), int(did.sum()))
        samples.append(
            Sample(
                found[arm].n, len(n), int((did > 0).sum()), tuple(rows.sum(axis=1).tolist()),
                tuple(map(tuple, (rows @ rows.T).tolist())),
            )
        )  # fmt: skip
    return found, samples


def test_an_arm_that_differs_nowhere_is_seldom_switched_off_where_companies_are_drawn(
    request: pytest.FixtureRequest,
) -> None:
    is_full = request.config.getoption("--trials") == "full"
    alone, together = [], []
    for run in range(500 if is_full else 30):
        found, samples = companies(np.random.default_rng([5, run]))
        effects = {"all": design_effect(samples)}
        for off, known in ((alone, {}), (together, effects)):
            belief = believe({"all": found}, ARMS, baseline="control", design_effects=known)
            off.append(belief["all"]["b"].p_harmful >= HARMFUL)

    assert np.mean(together) <= (0.045 if is_full else 0.07)
    assert np.mean(alone) > 0.08  # as if ten colleagues were ten strangers


def test_persons_who_were_drawn_alone_are_as_many_as_they_are() -> None:
    generator = np.random.default_rng(3)
    did = generator.binomial(1, 0.1, 5_000).astype(float)
    rows = np.stack([did, np.ones(5_000), np.zeros(5_000), np.ones(5_000)])
    sample = Sample(5_000, 5_000, int(did.sum()), tuple(rows.sum(axis=1).tolist()),
                    tuple(map(tuple, (rows @ rows.T).tolist())))  # fmt: skip

    assert design_effect([sample]) == pytest.approx(1, abs=1e-3)
    assert design_effect([]) == 1
