"""Every story ends with the persons that it tells of, however its records arrive."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.scenarios.conftest import Build
from tests.scenarios.stories import LIKENESS, STORIES
from tests.scenarios.story import BATCHES, Story
from tests.scenarios.world import World, grouped, groups, named, node

WAYS = ("once", "increments")
CASES = [
    pytest.param(decider, story, id=f"{decider}-{story.name}")
    for decider, stories in (("rules", STORIES), ("model", STORIES + LIKENESS))
    for story in stories
]
LINKABLE = ("emails", "devices")


def found(world: World, story: Story, batch: int, told: tuple[str, ...]) -> set[frozenset]:
    """A story's persons; devices and addresses only where the story names them."""
    names = {name for group in groups(story, told) for name in group}
    members = world.members(story, batch)
    told_or_linkable = names | {one for one in members if one[0] not in LINKABLE}
    return named(grouped(members), told_or_linkable)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("decider", "story"), CASES)
def test_persons_are_those_of_the_story(build: Build, decider: str, story: Story, way: str) -> None:
    world = build(decider, way)

    assert found(world, story, BATCHES, story.persons) == groups(story, story.persons)
    members = world.members(story)
    assert [name for name in story.nobody if node(story, name) in members] == []


@pytest.mark.parametrize(
    ("decider", "story", "batch"),
    [
        pytest.param(*case.values, batch, id=f"{case.id}-{batch}")
        for case in CASES
        for batch in case.values[1].before
    ],
)
def test_persons_in_between_are_those_of_the_story(
    build: Build, decider: str, story: Story, batch: int
) -> None:
    told = story.before[batch]

    assert found(build(decider, "increments"), story, batch, told) == groups(story, told)


@pytest.mark.parametrize(("decider", "story"), CASES)
def test_a_rebuild_and_increments_give_the_same_persons(
    build: Build, decider: str, story: Story
) -> None:
    once, increments = (grouped(build(decider, way).members(story)) for way in WAYS)

    assert increments == once
    assert once


@pytest.mark.parametrize("way", WAYS)
def test_a_model_decides_where_there_is_a_crowd(build: Build, way: str) -> None:
    runs = build("model", way).company.rows("identity.runs")

    assert all(run["threshold"] is not None for run in runs)
    assert all(
        run["threshold"] is None for run in build("rules", way).company.rows("identity.runs")
    )


def test_no_person_has_nodes_of_two_stories(build: Build) -> None:
    world = build("model", "increments")

    persons: dict[str, set[str]] = {}
    for story in world.stories:
        for person in world.members(story).values():
            persons.setdefault(person, set()).add(story.name)

    assert {person: names for person, names in persons.items() if len(names) > 1} == {}


def test_names_of_stories_are_unique_and_enough() -> None:
    names = [story.name for story in STORIES + LIKENESS]

    assert len(set(names)) == len(names) >= 32


def test_the_stories_are_told_in_the_docs() -> None:
    page = (ROOT / "docs/concepts/identity-scenarios.md").read_text()

    rows = [f"| {story.name} | {story.claim} |" for story in STORIES + LIKENESS]
    assert [row for row in rows if row not in page] == []
    assert page.count("\n| ") == len(rows) + page.count("\n| story |")


ALONE = ("simple", "late merge", "merge then split", "kiosk", "erase then return")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ALONE)
def test_a_story_goes_the_same_way_without_the_others(
    build: Build, tmp_path, name: str, way: str
) -> None:
    story = next(story for story in STORIES if story.name == name)
    alone = World.begin(tmp_path, (story,))

    alone = alone.in_increments() if way == "increments" else alone.at_once()

    assert alone.members(story) == build("rules", way).members(story)
