"""Person ids stay by the rules, and every change of them is written down."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest

from tests.identity.conftest import Members, day
from tests.scenarios.conftest import Build
from tests.scenarios.stories import STORIES
from tests.scenarios.story import BATCHES, Story
from tests.scenarios.world import AS_OF, World, grouped, node, slug

DECIDERS = ("rules", "model")
NAMED = {story.name: story for story in STORIES}
# Their nodes go and come, so that their periods have gaps.
INTERRUPTED = ("dropped and back", "erase then return")
# What a first record tells late: the id in use stays, while a rebuild starts from the older record.
OLDER_LATE = ("older record arrives late",)


def persons(world: World) -> dict[str, dict[str, Any]]:
    return {row["person_id"]: row for row in world.company.rows("identity.persons")}


def keepers(old: Members, new: Members) -> dict[str, str | None]:
    """Say by the rules who must keep the id of each old person: one of its nodes; None if tied.

    A person goes where most of its nodes are; a merged one keeps the id of whom most nodes come.
    """
    shared = Counter(
        (person, new[one]) for one, person in old.items() if one in new and one[0] != "devices"
    )
    goes: dict[str, str | None] = {}
    for person in {person for person, _ in shared}:
        sizes = Counter({to: size for (was, to), size in shared.items() if was == person})
        goes[person] = _first(sizes)
    keeps: dict[str, str | None] = {}
    for target in {to for to in goes.values() if to is not None}:
        sizes = Counter({was: shared[was, to] for was, to in goes.items() if to == target})
        if (winner := _first(sizes)) is not None and None not in goes.values():
            keeps[winner] = target
    return keeps


def _first(sizes: Counter[str]) -> str | None:
    """The most frequent, unless two are."""
    (best, most), *others = sizes.most_common(2)
    return None if others and others[0][1] == most else best


def _persons_of(world: World, story: Story, batch: int) -> tuple[Members, Members]:
    """All nodes of the story's persons before and after a batch; a namesake may be among them."""
    old, new = world.after[batch - 1], world.after[batch]
    was, now = (set(world.members(story, number).values()) for number in (batch - 1, batch))
    nodes = {one for one in old if old[one] in was} | {one for one in new if new[one] in now}
    return tuple({one: of[one] for one in nodes if one in of} for of in (old, new))  # type: ignore[return-value]


@pytest.mark.parametrize("decider", DECIDERS)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_an_id_stays_with_the_larger_part(build: Build, story: Story, decider: str) -> None:
    world = build(decider, "increments")

    for batch in range(2, BATCHES + 1):
        kept = keepers(*_persons_of(world, story, batch))
        assert {was: now for was, now in kept.items() if was != now} == {}


@pytest.mark.parametrize("decider", DECIDERS)
def test_the_rule_of_ids_was_put_to_use(build: Build, decider: str) -> None:
    """The test above would pass if no person ever grew, merged or was split."""
    world = build(decider, "increments")
    kinds = Counter(row["change_type"] for row in world.company.rows("identity.changes"))

    assert kinds["merge"] > 10
    assert kinds["split"] > 3


@pytest.mark.parametrize("decider", DECIDERS)
def test_without_merge_or_split_a_rebuild_gives_the_ids_of_increments(
    build: Build, decider: str
) -> None:
    world, anew = build(decider, "increments"), build(decider, "once")
    changed = {
        row[name] for row in world.company.rows("identity.changes")
        for name in ("person_id", "other_person_id")
    }  # fmt: skip
    quiet = [
        story for story in STORIES
        if story.name not in OLDER_LATE and not changed & set(world.members(story).values())
    ]  # fmt: skip

    assert len(quiet) >= 20
    for story in quiet:
        assert world.members(story) == anew.members(story), story.name


def test_an_older_record_that_comes_late_changes_no_id(build: Build) -> None:
    story = NAMED["older record arrives late"]
    world = build("rules", "increments")

    before, after = (world.members(story, batch) for batch in (1, 2))

    assert {after[one] for one in before} == set(before.values())
    assert grouped(after) == grouped(build("rules", "once").members(story))


@pytest.mark.parametrize("decider", DECIDERS)
@pytest.mark.parametrize("way", ["increments", "once"])
def test_every_id_ever_given_leads_to_an_active_person(
    build: Build, decider: str, way: str
) -> None:
    world = build(decider, way)
    listed = persons(world)
    given = {person for members in world.after.values() for person in members.values()}

    active = {person for person, row in listed.items() if row["status"] == "active"}
    assert active == set(world.company.members().values())
    assert given - set(listed) == _erased(world)
    for row in listed.values():
        assert (row["merged_into"] is not None) == (row["status"] == "merged")
        if row["status"] == "merged":
            assert _end(listed, row["person_id"])["status"] == "active"


def _erased(world: World) -> set[str]:
    story = NAMED["erase then return"]
    if 2 not in world.after:
        return set()
    return {world.after[2][node(story, "crm/1")]}


def _end(listed: dict[str, dict[str, Any]], person: str) -> dict[str, Any]:
    """Where an id leads to, over as many merges as there were."""
    for _ in range(len(listed)):
        if listed[person]["merged_into"] is None:
            break
        person = listed[person]["merged_into"]
    return listed[person]


@pytest.mark.parametrize("decider", DECIDERS)
def test_every_merge_and_split_has_a_cause(build: Build, decider: str) -> None:
    world = build(decider, "increments")
    changes = world.company.rows("identity.changes")
    merged = {row["other_person_id"] for row in changes if row["change_type"] == "merge"}

    assert [row for row in changes if not row["cause"]] == []
    assert [row for row in changes if row["person_id"] == row["other_person_id"]] == []
    for person, row in persons(world).items():
        if row["status"] == "merged":
            assert person in merged


CAUSES = {
    "late merge": "linked over other records",
    "alias": "deterministic: alias",
    "merge then split": "decision: must link",
    "visitor signs in": "deterministic: identified on the device",
    "split": "decision: cannot link",
    "corrected": "what linked them is gone",
}


@pytest.mark.parametrize(("name", "cause"), CAUSES.items())
def test_the_cause_of_a_change_is_the_true_one(build: Build, name: str, cause: str) -> None:
    world, story = build("rules", "increments"), NAMED[name]
    ids = {p for batch in world.after for p in world.members(story, batch).values()}

    causes = {
        row["cause"] for row in world.company.rows("identity.changes")
        if {row["person_id"], row["other_person_id"]} & ids
    }  # fmt: skip

    assert cause in causes


@pytest.mark.parametrize("decider", DECIDERS)
@pytest.mark.parametrize("way", ["increments", "once"])
def test_periods_of_the_history_meet(build: Build, decider: str, way: str) -> None:
    """No two overlap, none is missing, and the open one is the current person."""
    world = build(decider, way)
    periods = defaultdict(list)
    for row in world.company.rows("identity.members_history"):
        periods[row["source"], row["source_record_id"]].append(row)
    interrupted = {slug(NAMED[name]) for name in INTERRUPTED}

    for one, rows in periods.items():
        rows.sort(key=lambda row: (row["valid_from"], row["valid_to"] is None))
        assert [
            row for row in rows if row["valid_to"] and row["valid_to"] < row["valid_from"]
        ] == []
        for earlier, later in pairwise(rows):
            if one[1].partition("/")[0] in interrupted:
                assert earlier["valid_to"] <= later["valid_from"]
            else:
                assert earlier["valid_to"] == later["valid_from"], one
    still = {
        one: rows[-1]["person_id"] for one, rows in periods.items() if not rows[-1]["valid_to"]
    }
    assert still == world.company.members()


def test_the_past_keeps_the_persons_of_its_time(build: Build) -> None:
    """What was merged and split again was one person in between, and is so in the history."""
    world, story = build("rules", "increments"), NAMED["merge then split"]
    one, other = node(story, "crm/1"), node(story, "crm/2")

    at = {
        batch: [world.company.person_at(*name, on=AS_OF[batch - 1] + 0.5) for name in (one, other)]
        for batch in (1, 2, 3)
    }

    assert at[1][0] != at[1][1]
    assert at[2][0] == at[2][1] == at[1][0]
    assert at[3] == at[1]
    assert world.company.members()[other] == at[1][1]
    assert day(1).year == 2026


def test_nothing_of_an_erased_person_returns(build: Build) -> None:
    world, story = build("rules", "increments"), NAMED["erase then return"]
    erased = world.after[2][node(story, "crm/1")]
    back = world.members(story)[node(story, "crm/9")]

    assert back != erased
    for table in ("members", "members_history", "persons", "links", "identifiers", "devices"):
        ids = {value for row in world.company.rows(f"identity.{table}") for value in row.values()}
        assert erased not in ids
        assert f"{slug(story)}/1" not in ids
    history = world.company.rows("identity.members_history", f"person_id = '{back}'")
    assert min(row["valid_from"] for row in history) >= day(AS_OF[2])


@pytest.mark.parametrize("decider", DECIDERS)
def test_computing_it_again_changes_no_row(build: Build, decider: str) -> None:
    """Not only because the run sees that nothing is new: its journal is removed first."""
    world = build(decider, "increments")
    before = world.company.everything()
    world.company.forget("identity.runs", "true")

    report = world.company.resolve()

    assert not report.is_unchanged
    assert world.company.everything() == before
