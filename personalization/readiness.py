"""Whether the data are enough for rules, a hybrid or a full model, and what is missing. Pure.

A level is entered at its threshold and left below 80 % of it, so that a count around the threshold
does not flap. The thresholds are those by which the parts themselves decide, where they do.

Sources: recommendations: Amazon Personalize, "Quotas" (1,000 interactions and 25 users with two)
and its recommendation of 50,000 interactions of 1,000 users; variants: Adobe Journey Optimizer (250
displays and 25 successes of an offer); search: as many clicked queries as Algolia asks events for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from personalization.co_reading import FEWEST_READERS, FEWEST_READINGS
from personalization.readiness_facts import Facts, ModelFact
from personalization.search_learning import FEWEST_QUERIES
from personalization.standing import TO_STAY
from prediction.gates import ENOUGH
from prediction.propensity import ENOUGH_FOR_TREES
from prediction.stability import MIN_READERS
from settings import counted

NOT_YET, RULES, HYBRID, FULL = "not_yet", "rules", "hybrid", "full"
LEVELS = (NOT_YET, RULES, HYBRID, FULL)
FULL_READINGS, FULL_READERS = 50_000, 1_000
# Deterministic links from which the strength of names and addresses can be learnt.
PROVEN_LINKS = 100
USE_CASES = ("recommendations", "email", "search", "hero")
_NEVER_LOOKED_AT = "no run has looked at it yet: candor run"
_NOBODY_TO_LEARN_FROM = (
    "nobody was eligible early enough and has granted the model's purpose (predictions.yml)"
)


@dataclass(frozen=True, slots=True)
class Capability:
    """What the data are enough for.

    Attributes:
        capability: Which part of the product.
        subject: Its model, block, experiment or outcome; or empty.
        level: One of :data:`LEVELS`.
        have: What there is, in words.
        missing: What is missing for the next level, in words; at most a few.
        reach: Persons whom it would reach in 30 days.
        start_rank: 1 or 2: one of the use cases to start with.
    """

    capability: str
    subject: str
    level: str
    have: str
    missing: tuple[str, ...] = ()
    reach: int = 0
    start_rank: int | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A count that a level asks for.

    Attributes:
        value: What there is.
        of: What is counted, in words, for "needs 43 more ...".
        hybrid: Wanted for a hybrid.
        full: Wanted for a full model; None: this does not decide on it.
    """

    value: int
    of: str
    hybrid: int
    full: int | None = None

    def wanted(self, level: str) -> int:
        """The threshold of a level; 0 where this count does not decide on it."""
        return self.hybrid if level == HYBRID else self.full or 0

    def missing(self, level: str) -> str | None:
        """What is missing for a level; None where there is enough."""
        more = self.wanted(level) - self.value
        return f"needs {counted(more, f'more {self.of}')}" if more > 0 else None


Before = Mapping[tuple[str, str], str]


def judge_level(needs: Sequence[Need], before: str | None) -> tuple[str, tuple[str, ...]]:
    """The highest level that all counts reach, and what is missing for the next.

    Args:
        needs: What the levels ask for.
        before: The level so far, which is left later than it is entered.
    """
    level = RULES
    for higher in (HYBRID, FULL):
        stays = before is not None and LEVELS.index(before) >= LEVELS.index(higher)
        if all(n.value >= n.wanted(higher) * (TO_STAY if stays else 1) for n in needs):
            level = higher
            continue
        return level, tuple(what for n in needs if (what := n.missing(higher)))
    return level, ()


def judge_identity(facts: Facts, before: Before) -> Capability:
    """Exact identifiers alone, likeness too, or likeness whose strength is learnt."""
    have = (
        f"{counted(facts['persons'], 'persons')}, {facts['known_persons']:,} of them known by a "
        f"record, a sign-in or an address; {counted(facts['records'], 'records')} from "
        f"{counted(facts['sources'], 'sources')}"
    )
    if not facts["persons"]:
        return Capability(
            "identity", "", NOT_YET, "nobody was seen yet", ("no event and no record arrives",)
        )
    likely = min(facts["likely_links"], 1)
    needs = [
        Need(facts["sources"], "sources of person records, beside the events", 2, 2),
        Need(likely, "pairs of records that are alike without a common identifier", 1, 1),
        Need(
            facts["proven_links"],
            "links by e-mail, phone or user id to learn from",
            0,
            PROVEN_LINKS,
        ),
    ]
    level, missing = judge_level(needs, before.get(("identity", "")))
    if not facts["known_persons"]:
        missing = (
            "nobody is known: no sign-in, no record and no e-mail click says who visits",
            *missing,
        )
    return Capability("identity", "", level, have, missing, facts["persons"])


def judge_models(facts: Facts, before: Before) -> Iterator[Capability]:
    """Each configured model; without any, what could be predicted."""
    models = [model for model in facts.models if model.key != "personas"]
    for model in models:
        yield _judge_model(model, facts, before)
    if models:
        return
    candidates = tuple(
        f"{event.name}: {counted(event.persons, 'persons')} did it"
        + (
            f", needs {ENOUGH - event.persons:,} more"
            if event.persons < ENOUGH
            else ", enough to learn"
        )
        for event in facts.events
    )
    missing = candidates or ("no event but pages and readings arrives that could be predicted",)
    yield Capability("propensity", "", NOT_YET, "no model in predictions.yml", missing)


def _judge_model(model: ModelFact, facts: Facts, before: Before) -> Capability:
    have = f"{counted(model.positives, 'persons')} who did it and {model.negatives:,} who did not"
    answers = model.status == "champion" and model.algorithm not in {"", "rule", "none"}
    needs = [
        Need(model.positives, "persons who did it", ENOUGH, ENOUGH_FOR_TREES),
        Need(model.negatives, "persons who did not", ENOUGH, ENOUGH),
    ]
    level, missing = judge_level(needs, before.get(("propensity", model.key)))
    if not answers:
        said = tuple(
            part for part in model.reason.split("; ") if part not in {"", "the rule answers"}
        )
        level = RULES if model.algorithm == "rule" else NOT_YET
        missing = said or missing
    if not model.status:
        missing = (_NEVER_LOOKED_AT, *missing)
    elif not model.positives + model.negatives:
        missing = (_NOBODY_TO_LEARN_FROM, *missing)
    return Capability("propensity", model.key, level, have, missing, facts["active_30"])


def judge_personas(facts: Facts, before: Before, *, status: str) -> Capability:
    """Groups of readers; ``status`` is published, provisional or empty."""
    (model,) = (one for one in facts.models if one.key == "personas")
    have = f"{counted(model.positives, 'readers')} to learn from"
    level, missing = judge_level(
        [Need(model.positives, "readers who read enough to learn from", MIN_READERS, MIN_READERS)],
        before.get(("personas", "")),
    )
    if status:
        level = HYBRID if status == "provisional" else FULL
        missing = ("provisional: more readers make them firm",) if status == "provisional" else ()
    else:
        level, missing = RULES, tuple(model.reason.split("; ")) if model.reason else missing
    return Capability("personas", "", level, have, missing, facts["readers"])


def judge_recommendations(
    facts: Facts, blocks: Mapping[str, tuple[int, int]], before: Before
) -> Iterator[Capability]:
    """Each block of pages: what is popular and alike, read together too, or all of it at scale.

    Args:
        facts: The counts.
        blocks: Of each block, how many items it lets through and how many places it has.
        before: Levels so far.
    """
    for key, (offered, size) in blocks.items():
        found = _judge_content(facts, "recommendations", key, before)
        if facts["items"] and offered < size:
            passing = (
                f"{counted(offered, 'published items')} {'passes' if offered == 1 else 'pass'}"
            )
            more = f"{passing} its filters, and it has {counted(size, 'places')}"
            level = found.level if offered else NOT_YET
            found = replace(found, level=level, missing=(more, *found.missing))
        yield replace(found, reach=facts["active_30"])
    if not blocks:
        yield Capability(
            "recommendations", "", NOT_YET, "no block in content.yml", ("describe a block",)
        )


def judge_email(facts: Facts, blocks: Sequence[str], before: Before) -> Iterator[Capability]:
    """Each e-mail block."""
    for key in blocks or ("",):
        found = _judge_content(facts, "email", key, before)
        mailable = counted(facts["mailable"], "persons with an address of their own")
        have = f"{mailable}; {found.have}"
        missing = found.missing
        if not facts["email_clicks"]:
            missing = ("no e-mail clicks arrive: whether mails work cannot be told", *missing)
        if not blocks:
            missing = ("no e-mail block in content.yml", *missing)
        level = found.level
        if not facts["mailable"]:
            level, missing = NOT_YET, ("nobody has an e-mail address of their own", *missing)
        elif level != NOT_YET and facts["mailable_readers"] < FEWEST_READERS:
            level = RULES
            more = counted(FEWEST_READERS - facts["mailable_readers"], "more readers")
            missing = (f"needs {more} of three items who can be mailed", *missing)
        yield Capability("email", key, level, have, missing, facts["mailable"])


def _judge_content(facts: Facts, capability: str, key: str, before: Before) -> Capability:
    """What choosing content for persons needs, wherever it is shown."""
    have = (
        f"{counted(facts['items'], 'published items')}, {counted(facts['readings'], 'readings')} by "
        f"{counted(facts['readers'], 'persons who agreed')}"
    )
    if not facts["items"]:
        return Capability(capability, key, NOT_YET, have, ("no published content is known",))
    needs = [
        Need(facts["readings"], "readings by persons who agreed", FEWEST_READINGS, FULL_READINGS),
        Need(facts["readers_twice"], "readers of two items", FEWEST_READERS, FULL_READERS),
    ]
    level, missing = judge_level(needs, before.get((capability, key)))
    if not facts["granted"]:
        missing = (
            "nobody has granted personalization: only what suits everybody is shown",
            *missing,
        )
    plain = facts["items"] - facts["described_items"]
    if plain:
        lacking = f"{counted(plain, 'items')} {'lacks' if plain == 1 else 'lack'}"
        missing = (*missing, f"{lacking} a topic or a funnel stage")
    return Capability(capability, key, level, have, missing)


def judge_search(facts: Facts, before: Before) -> Capability:
    """The engine's order, the person's interests, or weights learnt from clicks."""
    clicks = counted(facts["search_clicks"], "clicks on results")
    have = f"{counted(facts['searches'], 'searches')}, {clicks}"
    if not facts["searches"]:
        return Capability("search", "", NOT_YET, have, ("no searches arrive",))
    needs = [
        Need(facts["readers_twice"], "readers of two items", FEWEST_READERS, FEWEST_READERS),
        Need(
            facts["listed_clicks"],
            "clicked queries with the list that was shown",
            0,
            FEWEST_QUERIES,
        ),
    ]
    level, missing = judge_level(needs, before.get(("search", "")))
    if not facts["search_clicks"]:
        missing = ("no search clicks arrive", *missing)
    elif not facts["listed_clicks"]:
        missing = ("search clicks come without the list of results that was shown", *missing)
    return Capability("search", "", level, have, missing, facts["searchers_30"])


def choose_start(found: Sequence[Capability]) -> tuple[Capability, ...]:
    """Mark the one or two use cases to start with: the firmest, then those that reach most.

    At most one of a kind, and none that nothing can be done for.
    """
    ready = sorted(
        (one for one in found if one.capability in USE_CASES and _can_start(one)),
        key=lambda one: (-LEVELS.index(one.level), -one.reach, USE_CASES.index(one.capability)),
    )
    kinds = list(dict.fromkeys(one.capability for one in ready))[:2]
    first = {kind: next(one for one in ready if one.capability == kind) for kind in kinds}
    return tuple(
        replace(one, start_rank=kinds.index(one.capability) + 1)
        if first.get(one.capability) is one
        else one
        for one in found
    )


def _can_start(one: Capability) -> bool:
    """Whether there is something to do for anybody; search by rules is the engine's own order."""
    least = HYBRID if one.capability == "search" else RULES
    return one.reach > 0 and LEVELS.index(one.level) >= LEVELS.index(least)
