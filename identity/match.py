"""Link records by identifiers that one person holds: e-mail, phone, user id.

A value held by records whose names agree links them all. Where the names of any two records
clash (a family's mailbox, a landline, a recycled number) the value is *contested*: it links only
those pairs whose first names agree, and nameless records not at all.
"""

from __future__ import annotations

from identity.compare import COMPARED
from identity.decide import DIVIDED
from identity.model import DIFFERENT, level
from identity.prepare import RECORDS
from identity.share import IDENTIFIERS
from warehouse import Warehouse

DETERMINISTIC = "identity_deterministic_links"
CONTESTED = "identity_contested_values"
UNDECIDABLE = "identity_undecidable_pairs"

_FIRST_NAMES_CLASH = f"first_name = {DIFFERENT}"
# Two of one mailbox or number have surnames two letters apart as often as one has a surname misspelt twice.
_LAST_NAMES_CLASH = f"last_name between {DIFFERENT} and {level('last_name', 'two slips')}"
_BIRTH_DATES_CLASH = f"birth_date = {DIFFERENT}"
_FIRST_NAMES_AGREE = f"first_name >= {level('first_name', 'similar')}"

# A second first name at one mailbox is a nickname that nobody lists, or another one of the family who
# writes from it too. The mailbox is named after one of them either way: a birth date tells.
EMAIL_CLASH = (
    f"({_FIRST_NAMES_CLASH} and not (is_personal_mailbox and not {_LAST_NAMES_CLASH} "
    f"and birth_date = {level('birth_date', 'same')}))"
)
# Numbers are recycled and shared by households: any clash of names is one too many. A second
# surname with the same birth date is a marriage, a second first name with it is a twin.
PHONE_CLASH = (
    f"({_FIRST_NAMES_CLASH} or {_BIRTH_DATES_CLASH} "
    f"or {_LAST_NAMES_CLASH} and birth_date != {level('birth_date', 'same')})"
)


def match_identifiers(warehouse: Warehouse) -> int:
    """Fill the temporary table of deterministic links between records; return how many.

    Columns: left_record, right_record (left < right), rule. A value that is not contested links
    each of its records to its oldest one, so that links grow with records, not with pairs. Where a
    decision keeps one of its records apart, it links all of them to each other: the others must
    not lose each other with the oldest one.
    """
    warehouse.execute(f"create or replace temp table {_HELD_PAIRS} as {_HELD_PAIRS_SQL}")
    warehouse.execute(
        f"create or replace temp table {CONTESTED} as "
        f"select distinct identifier_type, identifier_value from {_HELD_PAIRS} where clash"
    )
    warehouse.execute(f"create or replace temp table {DETERMINISTIC} as {_LINKS_SQL}")
    warehouse.execute(f"create or replace temp table {UNDECIDABLE} as {_UNDECIDABLE_SQL}")
    warehouse.execute(f"drop table {_HELD_PAIRS}")
    return int(warehouse.scalar(f"select count(*) from {DETERMINISTIC}"))


_HELD_PAIRS = "identity_held_pairs"
_HELD_PAIRS_SQL = f"""
with held as (
    select one.record as left_record, other.record as right_record, identifier_type, identifier_value
    from {IDENTIFIERS} as one join {IDENTIFIERS} as other using (identifier_type, identifier_value)
    where one.record < other.record and not one.is_shared
)
select identifier_type, identifier_value, left_record, right_record,
    case identifier_type when 'email' then {EMAIL_CLASH} else {PHONE_CLASH} end as clash,
    {_FIRST_NAMES_AGREE} as first_names_agree, first_name < 0 as is_nameless
from {COMPARED} as compared join held using (left_record, right_record)
"""

# A nameless record with a contested value is one of several people's, and nobody can say whose: by
# the value alone it would be likely enough to be each one's, and would make one of them all.
_UNDECIDABLE_SQL = f"""
    select distinct left_record, right_record from {_HELD_PAIRS}
    semi join {CONTESTED} using (identifier_type, identifier_value)
    where is_nameless
"""

_LINKS_SQL = f"""
with stars as (
    select
        first_value(record) over (
            partition by identifier_type, identifier_value order by seniority, record
        ) as one,
        record as other,
        identifier_type
    from {IDENTIFIERS}
    anti join {CONTESTED} using (identifier_type, identifier_value)
    where not is_shared
),
agreed as (
    select left_record as one, right_record as other, identifier_type
    from {_HELD_PAIRS}
    semi join {CONTESTED} using (identifier_type, identifier_value)
    where not clash and first_names_agree
),
one_mailbox as (
    select left_record as one, right_record as other, 'mailbox' as identifier_type
    from (select left_record, right_record from {COMPARED} where not {EMAIL_CLASH}) as compared
    join {RECORDS} as one on one.record = left_record
    join {RECORDS} as other on other.record = right_record
    where one.gmail_mailbox = other.gmail_mailbox and one.email <> other.email
        and not one.email_is_shared and not other.email_is_shared
),
same_user as (
    select first_value(record) over (partition by user_id order by seniority, record) as one,
        record as other, 'user id' as identifier_type
    from {RECORDS} where user_id is not null
),
of_divided as (
    select distinct identifier_type, identifier_value
    from {IDENTIFIERS} semi join {DIVIDED} on node = record
),
meshes as (
    select one.record as one, other.record as other, identifier_type
    from {IDENTIFIERS} as one
    join of_divided using (identifier_type, identifier_value)
    join {IDENTIFIERS} as other using (identifier_type, identifier_value)
    anti join {CONTESTED} as contested using (identifier_type, identifier_value)
    where not one.is_shared
),
divided_users as (
    select one.record as one, other.record as other, 'user id' as identifier_type
    from {RECORDS} as one join {RECORDS} as other using (user_id)
    where user_id in (select user_id from {RECORDS} semi join {DIVIDED} on node = record)
),
found as (
    select * from stars union all select * from agreed union all select * from one_mailbox
    union all select * from same_user union all select * from meshes
    union all select * from divided_users
)
select least(one, other) as left_record, greatest(one, other) as right_record,
    'same ' || string_agg(distinct identifier_type, ', ' order by identifier_type) as rule
from found
where one <> other
group by least(one, other), greatest(one, other)
"""
