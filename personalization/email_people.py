"""For whom an e-mail block is: who can be mailed, in which arm, and which rule fits.

A rule looks at the person, so it is asked only of those who granted the purpose
``personalization`` and are not held out of everything; all others get business as usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from measurement.assignment import BUCKETS, arm_sql, ranges
from measurement.config import Holdout, Segment
from measurement.segments import Bindings, Place, segment_sql, unfit_segments
from personalization.config import PURPOSE
from personalization.draws import drawn_as_sql, email_draw
from personalization.email_config import USUAL, EmailBlock
from personalization.errors import InvalidEmailBlockError
from personalization.held_out import held_out_sql
from warehouse import TableName, Warehouse

PROFILES = TableName("marts", "profiles")
PERSONA_MEMBERS = TableName("prediction", "persona_members")
_PERSONA_COLUMNS = ("persona_id", "persona_name")

# Whoever shares an address with others cannot be mailed alone.
_RECIPIENTS = """
    with profiles as ({profiles}),
    mailable as (
        select distinct person_id from marts.contact_points
        where identifier_type = 'email' and identifier_value is not null
            and not coalesce(is_shared, false)
    ),
    drawn as (
        select person_id from marts.consent_current
        where purpose = $purpose and status = 'granted'
        except
        {held_out}
    )
    select profiles.person_id, drawn.person_id is not null as is_randomised,
        case when drawn.person_id is null then $usual else {arm} end as arm,
        case when drawn.person_id is not null then {rule} end as rule
    from profiles
    inner join mailable using (person_id)
    left join drawn using (person_id)
    left join ({drawn_as}) as units using (person_id)
    where not profiles.is_bot
    order by profiles.person_id
"""


def read_recipients(
    warehouse: Warehouse, key: str, block: EmailBlock, holdout: Holdout | None = None
) -> pa.Table:
    """Read whom the block is for, in order of ids.

    Columns: person_id, is_randomised, arm, rule (null: none fits). A person keeps the arm from
    send to send, as long as the salt and the shares stay, through merges too.

    Args:
        warehouse: With the marts of this run.
        key: The block's key.
        block: Its rules and arms.
        holdout: Who is held out of everything, and so in no arm; None: nobody is.
    """
    bindings = Bindings({"purpose": PURPOSE, "usual": USUAL})
    query = _RECIPIENTS.format(
        profiles=_profiles_sql(warehouse),
        held_out=held_out_sql(holdout),
        drawn_as=drawn_as_sql(email_draw(key), unit="person"),
        arm=arm_sql("units.drawn_as", salt=salt_of(key, block), shares=block.arms.shares),
        rule=segment_sql(_segments(block), bindings),
    )
    return warehouse.read(query, bindings.values)


def arm_probabilities(block: EmailBlock) -> Mapping[str, float]:
    """How likely each arm is drawn, exactly: the share of the buckets that it owns."""
    return {r.arm: (r.end - r.first) / BUCKETS for r in ranges(block.arms.shares)}


def salt_of(key: str, block: EmailBlock) -> str:
    """What the arms of a block are drawn with; no other draw shares it."""
    return f"email_block|{key}|{block.salt}"


def check_rules(warehouse: Warehouse, blocks: Mapping[str, EmailBlock]) -> None:
    """Refuse rules over columns that are not there, or that hold no numbers where one is asked for.

    Raises:
        InvalidEmailBlockError: With every problem of every block.
    """
    known = _columns(warehouse, PROFILES)
    problems = [
        f"{key}, rule {block.rules[int(part)].name!r}: {problem}"
        for key, block in blocks.items()
        for (_, part, *_), _, problem in unfit_rules(block, known)
    ]
    if problems:
        raise InvalidEmailBlockError(problems)


def unfit_rules(block: EmailBlock, known: Mapping[str, str]) -> Iterator[tuple[Place, str, str]]:
    """Each condition of a block's rules that cannot be judged: where it stands, its column, and why.

    Args:
        block: With its rules.
        known: Columns of ``marts.profiles`` and their types; empty where none is declared.
    """
    told = {**known, **dict.fromkeys(_PERSONA_COLUMNS, "VARCHAR")}
    return unfit_segments(_segments(block), told, key="rules", moved=())


def _segments(block: EmailBlock) -> list[Segment]:
    return [Segment(name=rule.name, when=list(rule.when)) for rule in block.rules]


def _profiles_sql(warehouse: Warehouse) -> str:
    """Profiles with the personas that were published last: their own lag a run behind."""
    if not warehouse.exists(PERSONA_MEMBERS):
        return f"select * from {PROFILES.sql}"
    lagging = set(_columns(warehouse, PROFILES)) & set(_PERSONA_COLUMNS)
    kept = f"profiles.* exclude ({', '.join(sorted(lagging))})" if lagging else "profiles.*"
    return f"""
        select {kept}, personas.persona_id, personas.persona_name
        from {PROFILES.sql} as profiles
        left join (
            select person_id, any_value(persona_id) as persona_id,
                any_value(persona_name) as persona_name
            from {PERSONA_MEMBERS.sql}
            where as_of = (select max(as_of) from {PERSONA_MEMBERS.sql})
            group by person_id
        ) as personas using (person_id)
    """


def _columns(warehouse: Warehouse, table: TableName) -> dict[str, str]:
    """Types of a table's columns by name."""
    rows = warehouse.columns().to_pylist()  # one row per column of the schema, not per person
    return {
        row["column_name"]: row["data_type"]
        for row in rows
        if TableName(row["table_schema"], row["table_name"]) == table
    }
