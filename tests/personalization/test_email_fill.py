"""Whatever is published, read and configured, a slot is never empty; without a warehouse."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from personalization.email_config import EmailBlock, EmailRule
from personalization.email_fill import Candidates, fill_slots, offer
from personalization.email_usual import usual_slots
from personalization.readings import Catalogue

DEFAULTS = ["archive", "archive", "i0", "events", "contact", "about", "careers"]


@st.composite
def blocks(draw: st.DrawFn, ids: list[str]) -> EmailBlock:
    size = draw(st.integers(1, 5))
    share = draw(st.sampled_from([0, 0.2, 0.5]))
    room = size - ceil(size * share)
    pins = draw(st.lists(st.sampled_from([*ids, "gone"]), max_size=room, unique=True))
    rule = EmailRule(name="r", topics=draw(st.sampled_from([[], ["seo"], ["nobody"]])))
    return EmailBlock(
        size=size, discovery_share=share, pins=pins, defaults=DEFAULTS, rules=[rule],
        topics=draw(st.sampled_from([[], ["seo"], ["privacy"]])),
        usual=draw(st.lists(st.sampled_from([*ids, "gone"]), max_size=4)),
        bans=draw(st.lists(st.sampled_from(["i1", "i2", "i3"]).filter(lambda one: one not in pins),
                           max_size=2)),
    )  # fmt: skip


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    count = draw(st.integers(0, 8))
    topics = draw(st.lists(st.sampled_from(["seo", "privacy", ""]), min_size=count, max_size=count))
    same = np.asarray([""] * count, dtype=np.str_)
    return Catalogue(
        content_ids=np.asarray([f"i{number}" for number in range(count)], dtype=np.str_),
        facets={"topic": np.asarray(topics, dtype=np.str_), "content_type": same,
                "funnel_stage": same},
        age_days=np.full(count, 100.0),
    )  # fmt: skip


def _candidates(
    block: EmailBlock,
    catalogue: Catalogue,
    *,
    with_rule: bool,
    banned: frozenset[str] = frozenset(),
) -> Candidates:
    return offer(
        block, block.rules[0] if with_rule else None, catalogue,
        discoverable=np.ones(len(catalogue), dtype=np.bool_), banned=banned, salt="s",
    )  # fmt: skip


@given(data=st.data())
@settings(max_examples=300, deadline=None, database=None)
def test_every_slot_holds_something_of_its_own_that_nobody_has_read(data: st.DataObject) -> None:
    catalogue = data.draw(catalogues())
    block = data.draw(blocks(catalogue.content_ids.tolist()))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    shape = (4, len(catalogue))
    blocked = rng.random(shape) < data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    candidates = _candidates(block, catalogue, with_rule=data.draw(st.booleans()))

    filled = fill_slots(
        candidates, rng.random(shape), sparse.csr_matrix(blocked),
        rng.integers(0, 2**63, 4).astype(np.uint64),
    )  # fmt: skip

    contents = [
        str(catalogue.content_ids[item]) if is_there else candidates.defaults[slot]
        for item, is_there, slot in zip(filled.items, filled.is_filled, filled.slots, strict=True)
    ]
    for person in range(4):
        own = contents[person * block.size : (person + 1) * block.size]
        assert len(own) == block.size == len(set(own))
    shown = filled.is_filled
    assert not set(catalogue.content_ids[filled.items[shown]].tolist()) & set(block.bans)
    assert not blocked[filled.persons[shown], filled.items[shown]].any()
    assert ((filled.propensity > 0) & (filled.propensity <= 1)).all()
    assert not (filled.is_discovery & ~filled.is_filled).any()


def test_the_next_best_in_a_slot_that_not_all_draw_says_how_likely_it_was() -> None:
    """A share of .3 of two slots: six in ten draw the last one, the others have the next best."""
    catalogue = Catalogue(
        np.array([f"i{number}" for number in range(8)]),
        {name: np.full(8, "") for name in ("topic", "content_type", "funnel_stage")},
        np.full(8, 100.0),
    )
    block = EmailBlock(size=2, discovery_share=0.3, defaults=DEFAULTS)
    candidates = offer(block, None, catalogue, discoverable=np.arange(8) >= 3, banned=frozenset({"i0"}),
                       salt="s")  # fmt: skip
    scores, draws = np.tile(np.arange(8, 0, -1.0), (2_000, 1)), np.random.default_rng(1)

    filled = fill_slots(
        candidates, scores, sparse.csr_matrix((2_000, 8)),
        draws.integers(0, 2**63, 2_000).astype(np.uint64),
    )  # fmt: skip

    last = filled.slots == 1
    for item in np.unique(filled.items[last]):
        shown = last & (filled.items == item)
        (chance,) = np.unique(filled.propensity[shown])
        assert shown.sum() / 2_000 == pytest.approx(chance, abs=0.05)
    assert filled.propensity[last & ~filled.is_discovery] == pytest.approx(0.4)


@given(data=st.data())
@settings(max_examples=200, deadline=None, database=None)
def test_business_as_usual_fills_every_slot_too(data: st.DataObject) -> None:
    catalogue = data.draw(catalogues())
    block = data.draw(blocks(catalogue.content_ids.tolist()))
    everywhere = frozenset(data.draw(st.sets(st.sampled_from(["i2", "i4"]))))
    candidates = _candidates(block, catalogue, with_rule=False, banned=everywhere)

    slots = usual_slots(block.usual, candidates, catalogue, np.ones(len(catalogue)))

    ids = [slot.content_id for slot in slots]
    assert len(ids) == block.size == len(set(ids))
    banned = everywhere.union(block.bans)
    assert not banned.intersection(slot.content_id for slot in slots if slot.level != "default")
    shown = set(catalogue.content_ids.tolist()) - banned
    listed = [one for one in dict.fromkeys(block.usual) if one in shown]
    assert ids[: len(listed)] == listed[: block.size]  # whatever the filters say, defaults too


def test_what_a_rule_wants_stands_above_a_better_score() -> None:
    ids = np.asarray(["i1", "i2"], dtype=np.str_)
    facets = {"topic": np.asarray(["seo", "privacy"], dtype=np.str_),
              "content_type": ids, "funnel_stage": ids}  # fmt: skip
    catalogue = Catalogue(ids, facets, np.ones(2))
    block = EmailBlock(size=1, discovery_share=0, defaults=["d"],
                       rules=[EmailRule(name="r", topics=["privacy"])])  # fmt: skip
    scores, blocked = np.array([[0.9, 0.1]]), sparse.csr_matrix((1, 2))

    filled = fill_slots(
        _candidates(block, catalogue, with_rule=True), scores, blocked, np.zeros(1, dtype=np.uint64)
    )

    assert catalogue.content_ids[filled.items].tolist() == ["i2"]
