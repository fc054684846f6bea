"""Decide what one request is shown, and say exactly how likely that was. Pure; reads nothing.

A decision follows from two things alone, which are logged with it: the *situation* (what was asked,
by which unit) and the *facts* (what the artefact said of the slot and the unit). The same two give
the same decision again, so every logged decision can be checked.

* No consent, no unit: nothing that is drawn or looked up depends on who asks.
* Draws are SHA-256 of slot and unit, so the same unit meets the same variant on every page, for as
  long as the shares allow; what a visit was shown before is kept whatever the shares say.
* Who is held out gets nothing, and what they would have got is written down beside it (ghost).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, NamedTuple

from measurement import BUCKETS, HELD_OUT, Holdout, bucket
from personalization.held_out import is_held_out

Consent = Literal["granted", "denied", "unknown"]
PERSONALISED, CONTEXTUAL = "personalised", "contextual"
# A fallback level: the artefact is too old to say anything of a person.
STALE = "stale"
_NO_CONSENT = "no consent: the same for everybody"
_TOO_OLD = "what was published is too old: the same for everybody"
_FILLED = "popular now, in place of what this visit has seen"
_DRAWN = "drawn at random from content with few readers"
_KEPT = "shown earlier in this visit"


class Listed(NamedTuple):
    """One place of a list: the content, why, whether it was drawn, and how likely it was there."""

    content_id: str
    reason: str
    is_discovery: bool = False
    propensity: float = 1.0


@dataclass(frozen=True, slots=True)
class Earlier:
    """What this visit was shown in the slot before: handed back by whoever shows the page."""

    decision_id: str
    arm: str
    action_id: str
    propensity: float


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """One slot of one page that asks what to show.

    Attributes:
        request_id: Of the page's request; the same id and slot is the same decision.
        slot: Key of a block in content.yml or of an experiment in experiments.yml.
        at: When, UTC without a zone.
        person_id: Who asks, where that is known.
        user_id: Likewise, as the source of events names its users.
        anonymous_id: The browser.
        consent: What the page knows of the purpose personalization now; None: nothing newer than
            the warehouse. A denial here outweighs a grant there.
        topic: Of the page that is being read.
        seen: Content ids that this visit has seen.
        earlier: What this visit was shown in the slot before.
    """

    request_id: str
    slot: str
    at: dt.datetime
    person_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    consent: Literal["granted", "denied"] | None = None
    topic: str | None = None
    seen: tuple[str, ...] = ()
    earlier: Earlier | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """Who or what is drawn for; only where personalization is granted.

    Attributes:
        kind: person, account or anonymous.
        unit_id: The id that is drawn; of a browser that nobody is known for, its keyed hash. After a
            merge the one that met the draw first.
        person_id: The person; None for a browser.
        holdout_id: What the hold-out from everything is drawn by.
    """

    kind: Literal["person", "account", "anonymous"]
    unit_id: str
    person_id: str | None
    holdout_id: str


@dataclass(frozen=True, slots=True)
class Situation:
    """A request after its identifiers were looked up: nothing in it names a person directly."""

    request_id: str
    slot: str
    at: dt.datetime
    unit: Unit | None
    topic: str | None
    seen: tuple[str, ...]
    earlier: Earlier | None


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """What the artefact says of a recommendation block.

    Attributes:
        size: Places.
        discovery_slots: Of these, drawn at random where there is no list of the unit's own; where
            that is no whole number, some units have one more than others.
        repeats: Whether what the visit has seen may come again.
        policy: Name and version of the method.
        level: personal, similar, popular; context or popular where nothing is known of the unit.
        listed: The unit's own list, in order; empty without one.
        popular: What everybody gets in this context, in order; less what the person has read.
        pool: What the drawn places draw from; likewise.
    """

    size: int
    discovery_slots: float
    repeats: bool
    policy: str
    level: str
    listed: tuple[Listed, ...]
    popular: tuple[Listed, ...]
    pool: tuple[str, ...]
    kind: Literal["block"] = "block"


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """What the artefact says of an experiment.

    Attributes:
        baseline: The arm of those who have not agreed.
        held_out: The arm that gets nothing, where the experiment has one.
        held_out_share: Its share of all units, 0..1.
        policy: Which shares these are.
        level: segment, global or uniform.
        segment: The unit's segment; None: none fits or nothing is known.
        shares: Probability of each arm; together 1.
        reasons: Why each arm has its share.
    """

    baseline: str
    held_out: str | None
    held_out_share: float
    policy: str
    level: str
    segment: str | None
    shares: Mapping[str, float]
    reasons: Mapping[str, str]
    kind: Literal["variant"] = "variant"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the artefact says of a situation.

    Attributes:
        artefact_version: The artefact.
        built_at: The moment up to which it knows, UTC.
        consent: What holds for personalization.
        consent_version: When that was decided, as text; None where nobody knows.
        holdout: The hold-out from everything; None without one.
        slot: Of the block or experiment.
        is_stale: Whether the artefact is too old to say anything of a person.
    """

    artefact_version: str
    built_at: dt.datetime
    consent: Consent
    consent_version: str | None
    holdout: Holdout | None
    slot: BlockFacts | VariantFacts
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class _Chances:
    """How likely contents come to the drawn places, over all draws.

    Attributes:
        part: Share of the units that have one more drawn place than the others, 0..1.
        size: Contents that the first of these draws from.
        following: The next best, which the others have there; empty where all have as many.
    """

    part: float
    size: int
    following: str = ""

    def of_next(self, pool: Sequence[str]) -> float:
        """Of the next best, in the place that others draw."""
        if not pool:
            return 1.0
        return 1 - self.part + self.part * (self.following in pool) / self.size

    def of_drawn(self, content_id: str, pool: Sequence[str], *, is_first: bool) -> float:
        """Of a drawn content, in the place that not all draw (``is_first``), or another."""
        if not self.part:
            return 1 / self.size
        is_next = content_id == self.following
        without_more = 1.0 if is_first else 1 / max(self.size - (self.following in pool), 1)
        counts = is_next if is_first else not is_next
        return self.part / self.size + (1 - self.part) * without_more * counts


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that is shown; propensity is the probability of exactly this, here, 0..1."""

    position: int
    action_id: str
    propensity: float
    is_discovery: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and all that it followed from.

    Attributes:
        decision_id: The same for the same request and slot.
        situation: What was asked.
        facts: What was known.
        arm: The variant; of a block personalised (a known person) or contextual; holdout.
        fallback_level: How much was known.
        actions: What is shown, or would be.
        is_ghost: Whether the unit is held out and gets none of it.
    """

    decision_id: str
    situation: Situation
    facts: Facts
    arm: str
    fallback_level: str
    actions: tuple[Action, ...]
    is_ghost: bool

    @property
    def shown(self) -> tuple[Action, ...]:
        """What the page is to show; nothing for who is held out: the page's own content stays."""
        return () if self.is_ghost else self.actions


def choose(situation: Situation, facts: Facts) -> Decision:
    """Decide; the same situation and facts give the same decision, on any machine."""
    is_ghost = _is_held_out(situation.unit, facts.holdout)
    if isinstance(facts.slot, BlockFacts):
        arm, level, actions = _fill(situation, facts.slot)
    else:
        arm, level, actions = _vary(
            situation, facts.slot, _TOO_OLD if facts.is_stale else _NO_CONSENT
        )
        is_ghost = is_ghost or arm == HELD_OUT
    return Decision(
        decision_id=_decision_id(situation),
        situation=situation,
        facts=facts,
        arm=HELD_OUT if is_ghost else arm,
        fallback_level=STALE if facts.is_stale else level,
        actions=actions,
        is_ghost=is_ghost,
    )


def uniform(*parts: str) -> float:
    """A number in [0, 1) that follows from the parts alone: 53 bits of SHA-256 (FIPS 180-4)."""
    digest = hashlib.sha256("|".join(parts).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53


def draw(shares: Mapping[str, float], drawn: float) -> str:
    """The arm in whose part of 0..1 the number falls; arms lie in the order of their names."""
    reached = 0.0
    arms = sorted(arm for arm, share in shares.items() if share > 0)
    for arm in arms:
        reached += shares[arm]
        if drawn < reached:
            return arm
    return arms[-1]  # the shares add up to a little less than 1 in binary


def _decision_id(situation: Situation) -> str:
    return hashlib.sha256(f"{situation.request_id}|{situation.slot}".encode()).hexdigest()[:32]


def _is_held_out(unit: Unit | None, holdout: Holdout | None) -> bool:
    if unit is None or holdout is None:
        return False
    return is_held_out(unit.holdout_id, holdout)


def _fill(situation: Situation, block: BlockFacts) -> tuple[str, str, tuple[Action, ...]]:
    seen = frozenset() if block.repeats else frozenset(situation.seen)
    if not block.listed:
        places = _contextual(situation, block, seen)
        # A person stays in one arm, though they have read all: the held out are compared with it.
        is_known = situation.unit is not None and situation.unit.person_id is not None
        return PERSONALISED if is_known else CONTEXTUAL, block.level, _actions(places)
    own = [item for item in block.listed if item.content_id not in seen]
    others = _without(block.popular, seen | {item.content_id for item in own})
    filled = [*own, *(item._replace(reason=_FILLED) for item in others)]
    return PERSONALISED, block.level, _actions(filled[: block.size])


def _contextual(situation: Situation, block: BlockFacts, seen: frozenset[str]) -> list[Listed]:
    """The best of the context, then places drawn from the pool; each as likely as the other."""
    whole = int(block.discovery_slots)
    by = situation.unit.unit_id if situation.unit else situation.request_id
    day = f"{situation.at:%Y-%m-%d}"
    popular = _without(block.popular, seen)
    place = max(block.size - ceil(block.discovery_slots), 0)
    best, following = popular[:place], popular[place : place + (block.discovery_slots > whole)]
    taken = seen | {item.content_id for item in best}
    pool = [content_id for content_id in block.pool if content_id not in taken]
    following_ids = [item.content_id for item in following]
    # Where one place more would find nothing to draw, nobody has it.
    is_short = len(pool) <= whole and not set(following_ids) & set(pool)
    part = 0.0 if is_short else block.discovery_slots - whole
    has_more = part > 0 and uniform(situation.slot, by, day, "", "one more") < part
    chances = _Chances(part, len(pool), *following_ids)
    if not has_more:
        best += [item._replace(propensity=chances.of_next(pool)) for item in following]
        taken |= set(following_ids)
    # The place that not all draw is the first; the last, where no next best holds it for the others.
    odd = (0 if following else whole) if has_more else -1
    shuffled = sorted(
        (content_id for content_id in pool if content_id not in taken),
        key=lambda content_id: uniform(situation.slot, by, day, content_id),
    )
    drawn = [
        Listed(content_id, _DRAWN, is_discovery=True,
               propensity=chances.of_drawn(content_id, pool, is_first=number == odd))
        for number, content_id in enumerate(shuffled[: whole + has_more])
    ]  # fmt: skip
    rest = _without(popular, taken | {item.content_id for item in drawn})
    return [*best, *drawn, *rest][: block.size]


def _without(items: Sequence[Listed], left_out: frozenset[str]) -> list[Listed]:
    return [item for item in items if item.content_id not in left_out]


def _actions(places: Sequence[Listed]) -> tuple[Action, ...]:
    return tuple(
        Action(number, item.content_id, item.propensity, item.is_discovery, item.reason)
        for number, item in enumerate(places, start=1)
    )


def _vary(
    situation: Situation, variant: VariantFacts, without_unit: str
) -> tuple[str, str, tuple[Action, ...]]:
    unit, earlier = situation.unit, situation.earlier
    if unit is None:
        action = Action(1, variant.baseline, 1.0, is_discovery=False, reason=without_unit)
        return variant.baseline, CONTEXTUAL, (action,)
    if earlier is not None:
        action = Action(1, earlier.action_id, earlier.propensity, is_discovery=False, reason=_KEPT)
        arm = HELD_OUT if earlier.arm == HELD_OUT else earlier.action_id
        return arm, variant.level, (action,)
    arm = draw(variant.shares, uniform(situation.slot, unit.unit_id))
    reason = variant.reasons.get(arm, "")
    action = Action(1, arm, variant.shares[arm], is_discovery=False, reason=reason)
    drawn = bucket(unit.unit_id, salt=f"{situation.slot}|{HELD_OUT}")
    gets_nothing = drawn < round(variant.held_out_share * BUCKETS)
    return HELD_OUT if gets_nothing else arm, variant.level, (action,)
