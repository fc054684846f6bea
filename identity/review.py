"""Hand the review queue to people, and take their answers over: all of a file or nothing of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from identity.decide import PAIR, Act, Origin, Verdict, write_decisions
from identity.errors import ReviewFileError
from identity.inventory import REVIEW_QUEUE, RUNS
from identity.nodes import DEVICES, EMAILS
from identity.prepare import SOURCE
from identity.review_file import ANSWER, LINE, read_answers
from identity.revoke import check_consistent, standing_sql
from warehouse import TableName, Warehouse

_VALUES = (
    "first_name", "middle_name", "last_name", "full_name", "email", "phone", "birth_date", "street",
    "city", "state", "postal_code", "company_name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReviewImport:
    """What came of a review file.

    Attributes:
        rows: Pairs in the file.
        written: New decisions.
        known: Pairs that were decided so already.
        open: Pairs without an answer.
        act_id: Revokes all that was written; None where nothing was.
    """

    rows: int
    written: int
    known: int
    open: int
    act_id: str | None


def export_queue(warehouse: Warehouse, *, with_values: bool = False) -> pa.Table:
    """Return the review queue, surest pairs first, with an empty column for the answer.

    Columns: those of ``PAIR``, probability, evidence (by field, in words), decision; with values
    also each record's fields side by side (``left_email``, ``right_email`` and so on), in which a
    spreadsheet finds no formula.
    """
    shown, joined = "", ""
    if with_values and warehouse.exists(TableName.parse(SOURCE)):
        shown = ", " + ", ".join(
            _shown(side, name) for name in _VALUES for side in ("one", "other")
        )
        joined = _VALUES_JOIN
    return warehouse.read(
        f"select {', '.join(PAIR)}, round(probability, 4) as probability, "
        f"{_WORDS} as evidence, '' as {ANSWER}{shown} "
        f"from {REVIEW_QUEUE.name.sql} as queue {joined} "
        f"order by queue.probability desc, {', '.join(PAIR)}"
    )


def import_answers(warehouse: Warehouse, path: Path, *, now: datetime) -> ReviewImport:
    """Write the answers of a review file as decisions; importing it again changes nothing.

    Args:
        warehouse: Holds the members and the decisions.
        path: CSV with the columns of ``PAIR`` and ``decision``: must_link, cannot_link or empty.
            Other columns are not read.
        now: When, UTC.

    Raises:
        ReviewFileError: The file cannot be read, or something in it cannot be taken over.
        ContradictionError: With those in force the answers say both one and the other.
    """
    answers = read_answers(path)
    with warehouse.view("identity_answers", answers):
        problems = warehouse.read(_PROBLEMS_SQL).column("problem").to_pylist()
        if problems:
            raise ReviewFileError(path, tuple(problems))
        fresh = warehouse.read(_FRESH_SQL)
        counts = warehouse.read(
            f"select count(*) as rows, count(*) filter ({ANSWER} = '') as unanswered "
            "from identity_answers"
        ).to_pylist()[0]
    act_id = None
    if len(fresh):
        check_consistent(warehouse, fresh)
        act_id = write_decisions(warehouse, fresh, Act(Origin.REVIEW, now))
    known = counts["rows"] - counts["unanswered"] - len(fresh)
    return ReviewImport(counts["rows"], len(fresh), known, counts["unanswered"], act_id)


# Bits double the odds each: six are a factor of 64.
_WORDS = """
    list_aggregate(list_transform(
        list_sort(
            list_transform(
                list_filter(
                    map_entries(from_json(evidence, '"MAP(VARCHAR, DOUBLE)"')),
                    lambda entry: entry.value is not null
                ),
                lambda entry: {
                    'size': -abs(entry.value), 'name': replace(entry.key, '_', ' '),
                    'bits': entry.value
                }
            )
        ),
        lambda entry: entry.name
            || case when abs(entry.bits) >= 6 then ' strongly' when abs(entry.bits) < 2
                then ' weakly' else '' end
            || case when entry.bits > 0 then ' for' else ' against' end
    ), 'string_agg', '; ')
"""


def _shown(side: str, name: str) -> str:
    prefix = "left" if side == "one" else "right"
    value = f"cast({side}.{name} as varchar)"
    return (
        f"case when regexp_matches({value}, '^[=+@\\t\\r-]') then '''' || {value} "
        f"else {value} end as {prefix}_{name}"
    )


_VALUES_JOIN = f"""
    left join {SOURCE} as one on one.source = left_source and one.source_record_id = left_record_id
    left join {SOURCE} as other
        on other.source = right_source and other.source_record_id = right_record_id
"""

_KNOWN = "(select source, source_record_id from identity.members where source not in ('{}', '{}'))"
_KNOWN_SQL = _KNOWN.format(DEVICES, EMAILS)
_PROBLEMS_SQL = f"""
    with answers as (
        select *, least({PAIR[0]} || chr(31) || {PAIR[1]}, {PAIR[2]} || chr(31) || {PAIR[3]}) as one_key,
            greatest({PAIR[0]} || chr(31) || {PAIR[1]}, {PAIR[2]} || chr(31) || {PAIR[3]}) as other_key
        from identity_answers
    ),
    found as (
        select 'decision is none of must_link, cannot_link or empty' as what, {LINE}
        from answers where {ANSWER} not in ('', '{Verdict.MUST_LINK}', '{Verdict.CANNOT_LINK}')
        union all
        select 'names a record that is not there', {LINE} from answers
        where ({PAIR[0]}, {PAIR[1]}) not in {_KNOWN_SQL}
            or ({PAIR[2]}, {PAIR[3]}) not in {_KNOWN_SQL}
        union all
        select 'names one record twice', {LINE} from answers where one_key = other_key
        union all
        select case when count(distinct {ANSWER}) over same_pair > 1
                then 'contradicts another line on the same pair'
                else 'repeats another line' end, {LINE}
        from answers window same_pair as (partition by one_key, other_key)
        qualify count(*) over same_pair > 1
    )
    select 'line ' || string_agg({LINE}::varchar, ', ' order by {LINE}) filter (place <= 10)
        || case when count(*) > 10 then ' and ' || (count(*) - 10) || ' more' else '' end
        || ': ' || what as problem
    from (select *, row_number() over (partition by what order by {LINE}) as place from found)
    group by what order by min({LINE}), what
"""

_ORDERED = ", ".join(
    f"{end}(({PAIR[0]}, {PAIR[1]}), ({PAIR[2]}, {PAIR[3]}))" for end in ("least", "greatest")
)
# Pairs that wait although they are likely enough: a rule keeps them apart.
_RULED_SQL = f"""
    select ({_ORDERED}) from {REVIEW_QUEUE.name.sql}
    where probability >= (
        select arg_max(threshold, finished_at) from {RUNS.name.sql} where threshold is not null
    )
"""
_FRESH_SQL = f"""
    with answers as (
        select {ANSWER} as decision,
            case when is_ordered then {PAIR[0]} else {PAIR[2]} end as {PAIR[0]},
            case when is_ordered then {PAIR[1]} else {PAIR[3]} end as {PAIR[1]},
            case when is_ordered then {PAIR[2]} else {PAIR[0]} end as {PAIR[2]},
            case when is_ordered then {PAIR[3]} else {PAIR[1]} end as {PAIR[3]}
        from (
            select *, ({PAIR[0]}, {PAIR[1]}) < ({PAIR[2]}, {PAIR[3]}) as is_ordered
            from identity_answers where {ANSWER} <> ''
        )
    )
    select *, case when ({_ORDERED}) in ({_RULED_SQL}) then '{Origin.RULE_REVIEW}'
        else '{Origin.REVIEW}' end as origin
    from answers
    anti join (
        select decision, least(left_key, right_key) as one_key,
            greatest(left_key, right_key) as other_key
        from ({standing_sql()})
    ) as standing
        on standing.decision = answers.decision
        and one_key = least({PAIR[0]} || chr(31) || {PAIR[1]}, {PAIR[2]} || chr(31) || {PAIR[3]})
        and other_key = greatest({PAIR[0]} || chr(31) || {PAIR[1]}, {PAIR[2]} || chr(31) || {PAIR[3]})
    order by all
"""
