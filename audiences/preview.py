"""See an audience before it is published, and why a person is or is not in one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audiences.before import read_before
from audiences.catalogue import (
    CONTACT_POINTS,
    PROFILES,
    Catalogue,
    read_catalogue,
)
from audiences.compile import Plan, compile_audiences
from audiences.config import Audience
from audiences.examine import named_events, unseen_events
from audiences.inventory import LEDGER, MEMBERSHIPS, TABLES
from audiences.judge import (
    FACTS,
    HOLDOUT,
    LACKING,
    MATCHED,
    MEMBERS,
    OUTRANKED,
    consent_by_person,
    denied_by_another,
    judged,
    read_as_of,
)
from audiences.lists import ListColumn, count_columns, lists_of, why_unusable
from audiences.persons import find_person
from warehouse import Warehouse, literal, quoted


@dataclass(frozen=True, slots=True)
class AudiencePreview:
    """What an audience would be if it were published now; counts only.

    Attributes:
        key: The audience.
        matched: Persons who meet the rules.
        members: Of these, persons who granted every required purpose.
        held_out: Of the members, those never sent.
        suppressed: Persons without a consent, by ``consent:<purpose>:<status>``.
        outranked: Persons with every consent who are in an audience that goes before it.
        reach: Members less held-out who have an identifier that they may be sent by, by its type.
        destinations: Of the same, those whom each sync could send, by its key.
        funnel: Each step of its rules in words, and how many persons meet all up to there.
        sample: Some members: person_id, arm, and e-mail and phone masked.
        overlap: Members who are also in another audience as it stands, by its key.
        lists: What each column of the lists that it names holds.
        unseen: Events in its rules that nobody has ever done, and what may have been meant.
        notes: Why it cannot be judged yet; names from the configuration only.
    """

    key: str
    matched: int
    members: int
    held_out: int
    outranked: int
    suppressed: Mapping[str, int]
    reach: Mapping[str, int]
    destinations: Mapping[str, int]
    funnel: Sequence[tuple[str, int]]
    sample: Sequence[Mapping[str, Any]]
    overlap: Mapping[str, int]
    lists: Sequence[ListColumn]
    unseen: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """What a sync needs of a person to send them.

    Attributes:
        key: The sync.
        identifiers: Types of identifiers, of which one is enough.
        traits: Columns of ``marts.profiles`` that hold identifiers, of which one is enough.
        purposes: Consents that its destination needs beyond those of the audience.
    """

    key: str
    identifiers: tuple[str, ...]
    traits: tuple[str, ...]
    purposes: tuple[str, ...]


def preview(
    warehouse: Warehouse,
    audience: Audience,
    *,
    others: Sequence[Audience] = (),
    syncs: Sequence[Reached] = (),
    now: dt.datetime,
) -> AudiencePreview:
    """Judge one audience without writing anything that lasts.

    Args:
        warehouse: The engine, with the marts built.
        audience: The audience to judge.
        others: The other audiences that are configured, as it may refer to them.
        syncs: The syncs of this audience.
        now: The moment to judge at where the warehouse does not say one.

    Raises:
        InvalidAudienceError: A trait, column, test or reference is wrong; all problems at once.
    """
    warehouse.create_missing(TABLES)
    catalogue = read_catalogue(warehouse)
    configured = (audience, *(other for other in others if other.key != audience.key))
    plan = compile_audiences(
        configured,
        catalogue,
        as_of=read_as_of(warehouse, now=now),
        before=read_before(warehouse, configured),
    )
    with judged(warehouse, configured, plan, catalogue):
        look = _Look(warehouse, catalogue, plan, audience)
        events = named_events(audience, {one.key: one for one in configured})
        return look.preview(syncs, events)


def why(
    warehouse: Warehouse, audiences: Sequence[Audience], person_id: str, *, now: dt.datetime
) -> Any:
    """Explain one person: a row per audience, and per sync that ever sent them.

    Args:
        warehouse: The engine, with the marts built.
        audiences: All that are configured.
        person_id: Any id the person ever had.
        now: The moment to judge at where the warehouse does not say one.

    Returns:
        An Arrow table: audience_key, is_match, is_member, entered_at, arm, rules (JSON list of
        each line of the rules: depth, clause, whether it holds, what was found), lacking (missing
        consents), sync_key, sync_status, sync_reason.

    Raises:
        InvalidAudienceError: A trait, column, test or reference is wrong; all problems at once.
        UnknownIdError: Nobody has or had this id.
    """
    warehouse.create_missing(TABLES)
    catalogue = read_catalogue(warehouse)
    current = find_person(warehouse, catalogue, person_id)
    as_of = read_as_of(warehouse, now=now)
    plan = compile_audiences(audiences, catalogue, as_of=as_of, person=current)
    explained = " union all ".join(
        f"select $key_{number} as audience_key, {planned.matches} as is_match, "
        f"{planned.rules} as rules from {FACTS}"
        for number, planned in enumerate(plan.audiences)
    )
    empty = "select null::varchar as audience_key, null::boolean as is_match, null as rules limit 0"
    keys = {f"key_{number}": planned.key for number, planned in enumerate(plan.audiences)}
    with judged(warehouse, audiences, plan, catalogue):
        return warehouse.read(
            _WHY.format(explained=explained or empty), {**keys, "person_id": current}
        )


_WHY = f"""
    with explained as ({{explained}}),
    lacking as (
        select audience_key, string_agg(reason, ', ' order by reason) as lacking
        from {LACKING} where person_id = $person_id group by audience_key
    ),
    members as (select * from {MEMBERSHIPS.name.sql} where person_id = $person_id),
    sent as (
        select ledger.*, runs.audience_key
        from {LEDGER.name.sql} as ledger
        left join (select sync_key, max_by(audience_key, started_at) as audience_key
            from "sync"."runs" group by sync_key) as runs using (sync_key)
        where person_id = $person_id
    )
    select audience_key, explained.is_match, members.person_id is not null as is_member,
        members.entered_at, members.arm, explained.rules, lacking.lacking,
        sent.sync_key, sent.status as sync_status, sent.reason as sync_reason
    from explained
    full join members using (audience_key)
    full join sent using (audience_key)
    left join lacking using (audience_key)
    order by audience_key, sync_key
"""


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at one audience, inside ``judged``."""

    warehouse: Warehouse
    catalogue: Catalogue
    plan: Plan
    audience: Audience

    @property
    def key(self) -> str:
        """The audience's key."""
        return self.audience.key

    def preview(self, syncs: Sequence[Reached], events: frozenset[str]) -> AudiencePreview:
        """Count everything there is to know of it."""
        has_points = CONTACT_POINTS in self.catalogue.columns
        matched = f"select * from {MATCHED} where audience_key = $key"
        return AudiencePreview(
            key=self.key,
            matched=self._count(matched),
            members=self._count(self._members()),
            held_out=self._count(f"{self._members()} and arm = '{HOLDOUT}'"),
            outranked=self._count(f"select * from {OUTRANKED} where audience_key = $key"),
            suppressed=self._by_name(
                f"select reason as name from {LACKING} where audience_key = $key"
            ),
            reach=self._by_name(self._reach()) if has_points else {},
            destinations={sync.key: self._count(self._sendable(sync)) for sync in syncs},
            funnel=self._funnel(),
            sample=self._sample() if has_points else (),
            overlap=self._by_name(
                f"""
                select others.audience_key as name from ({self._members()}) as members
                inner join {MEMBERSHIPS.name.sql} as others using (person_id)
                where others.audience_key <> $key
                """
            ),
            lists=self._lists(),
            unseen=unseen_events(self.warehouse, events),
            notes=self.plan.held.get(self.key, ()),
        )

    def _lists(self) -> Sequence[ListColumn]:
        named = lists_of((self.audience.include, self.audience.exclude))
        tests = {test.name: test for test in named}
        usable = (test for test in tests.values() if why_unusable(test) is None)
        return [column for test in usable for column in count_columns(test)]

    def _members(self) -> str:
        return f"select * from ({MEMBERS}) where audience_key = $key"

    def _count(self, rows: str) -> int:
        return int(self.warehouse.scalar(f"select count(*) from ({rows})", {"key": self.key}))

    def _by_name(self, named: str) -> dict[str, int]:
        return _counts(self.warehouse, named, {"key": self.key})

    def _reach(self) -> str:
        return f"""
            select distinct identifier_type as name, person_id
            from ({self._members()}) as members
            inner join {CONTACT_POINTS.sql} as points using (person_id)
            where members.arm <> '{HOLDOUT}' and {self._usable(())}
        """

    def _usable(self, purposes: Sequence[str]) -> str:
        """Condition: a contact point is one person's, or nobody who holds it denied a purpose."""
        names = ", ".join(literal(name) for name in (*self.audience.purposes, *purposes))
        required = f"select unnest([{names}]::varchar[]) as purpose"
        return (
            "not coalesce(points.is_shared, false) and points.identifier_value is not null "
            f"and not {denied_by_another('points', required)}"
        )

    def _sendable(self, sync: Reached) -> str:
        """Members whom a sync could send: not held out, reachable, with its destination's consents."""
        purposes = "".join(
            f" and person_id in (select person_id from ({consent_by_person(self.catalogue)}) "
            f"where purpose = {literal(purpose)} and status = 'granted')"
            for purpose in sync.purposes
        )
        return f"{self._members()} and arm <> '{HOLDOUT}' and ({self._reachable(sync)}){purposes}"

    def _reachable(self, sync: Reached) -> str:
        if "person_id" in sync.identifiers:
            return "true"
        tests = [
            f"person_id in (select person_id from {PROFILES.sql} where {quoted(name)} is not null)"
            for name in sync.traits
            if name in self.catalogue.of(PROFILES)
        ]
        if CONTACT_POINTS in self.catalogue.columns:
            types = ", ".join(literal(name) for name in sync.identifiers)
            tests.append(
                f"person_id in (select person_id from {CONTACT_POINTS.sql} as points "
                f"where identifier_type in ({types}) and {self._usable(sync.purposes)})"
            )
        return " or ".join(tests) or "false"

    def _funnel(self) -> Sequence[tuple[str, int]]:
        planned = [found for found in self.plan.audiences if found.key == self.key]
        steps = [("everybody", "true"), *(planned[0].funnel if planned else ())]
        reached = "true"
        counted = []
        for _, condition in steps:
            reached += f" and {condition}"
            counted.append(f"count(*) filter (where {reached})")
        counts = self.warehouse.read(f"select [{', '.join(counted)}] as counts from {FACTS}")
        (row,) = counts["counts"].to_pylist()
        return [(words, count) for (words, _), count in zip(steps, row, strict=True)]

    def _sample(self) -> Sequence[Mapping[str, Any]]:
        """A few members, always the same ones, with nothing in it that reaches them."""
        rows = self.warehouse.read(
            f"""
            select members.person_id, members.arm,
                first({_MASKED_EMAIL} order by is_preferred desc nulls last, identifier_value)
                    filter (where identifier_type = 'email') as email,
                first('***' || right(identifier_value, 2) order by identifier_value)
                    filter (where identifier_type = 'phone') as phone
            from (
                {self._members()} order by sha256(person_id) limit {_SAMPLE}
            ) as members
            left join {CONTACT_POINTS.sql} as points using (person_id)
            group by members.person_id, members.arm
            order by sha256(members.person_id)
            """,
            {"key": self.key},
        )
        return list(rows.to_pylist())


_SAMPLE = 5
_MASKED_EMAIL = """
    left(identifier_value, 1) || '***@' || left(split_part(identifier_value, '@', 2), 1) || '***'
"""


def _counts(warehouse: Warehouse, named: str, ours: Mapping[str, object]) -> dict[str, int]:
    rows = warehouse.read(
        f"select name, count(*) as count from ({named}) group by name order by name", ours
    )
    return dict(zip(rows["name"].to_pylist(), rows["count"].to_pylist(), strict=True))
