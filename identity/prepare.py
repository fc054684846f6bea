"""Bring person records into the form in which they can be compared.

Values are normalised once per distinct value by ``identifiers`` and joined back in the engine, so
the cost in Python grows with the number of different values, not of records.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from identifiers import (
    FREE_MAIL_DOMAINS,
    DateOrders,
    WordOrder,
    canonical_given_names,
    known_given_names,
    learn_date_orders,
    learn_word_order,
    normalise_emails,
    null_first_names,
    null_last_names,
    null_placeholders,
    parse_birth_dates,
    phones_by_country,
    split_first_names,
    split_full_names,
)
from identity.reading import Reading
from identity.streets import house_number, simplified_street, street_name
from warehouse import Warehouse, quoted

RECORDS = "identity_records"
SOURCE = "staging.stg_raw__person_records"
# What identity reads of a staged record. A version that says the same in all of these is no change.
RECORD_COLUMNS = (
    "source", "source_record_id", "user_id", "first_name", "middle_name", "last_name", "full_name",
    "email", "phone", "birth_date", "street", "city", "state", "postal_code", "country",
    "company_name",
    "first_seen_at",
)  # fmt: skip
# When a record was changed counts only where nobody says when it was made.
STAGED_RECORDS = (
    f"(select {', '.join(RECORD_COLUMNS[:-1])}, "
    f"coalesce(record_created_at, record_updated_at) as first_seen_at from {SOURCE})"
)
_STAGED = "identity_staged_records"
_GIVEN_NAMES = "identity_given_name_values"

_KEY_OF_NAME = (
    r"nullif(trim(regexp_replace(lower(strip_accents({})), '[^\p{{L}}]+', ' ', 'g')), '')"
)
_KEY_OF_TEXT = (
    r"nullif(trim(regexp_replace(lower(strip_accents({})), '[^\p{{L}}\p{{N}}]+', ' ', 'g')), '')"
)
# Legal forms say nothing about which company it is.
_LEGAL_FORMS = (
    r"( (inc|incorporated|llc|ltd|limited|co|company|corp|corporation|gmbh|ag|sa|bv|plc|group))+$"
)

# What tools send for want of an id, among what PostHog refuses as one.
# Source: https://posthog.com/docs/product-analytics/identify
_NO_IDS = (
    "null", "none", "nil", "nan", "undefined", "unknown", "empty", "anonymous", "anon", "guest",
    "not set", "(not set)", "not_set", "n/a", "na", "true", "false", "id", "user_id", "userid",
    "distinct_id", "distinctid", "anonymous_id", "anonymousid", "not_authenticated",
    "[object object]",
)  # fmt: skip


def usable_id(column: str) -> str:
    """SQL of an id that a system gave; null for words and zeros that stand for none."""
    words = ", ".join(f"'{word}'" for word in _NO_IDS)
    return (
        f"case when lower(trim({column})) not in ({words}) and ltrim({column}, ' 0-') <> '' "
        f"then {column} end"
    )


# Each holds the different values of a column beside what became of them.
_VALUES = (
    "full_name_values", "first_name_values", "last_name_values", "email_values", "phone_values",
    "given_name_values", "birth_date_values", "city_keys", "state_keys", "postal_code_keys", "company_name_keys",
)  # fmt: skip


def prepare_records(
    warehouse: Warehouse,
    *,
    default_region: str,
    reading: Reading | None = None,
    latest_birth: date | None = None,
    staged: str = SOURCE,
) -> Reading:
    """Fill the temporary table of comparable records; return how their values were read.

    One row per source record. Its number follows from its source and id alone, so that it is the
    same in every run and does not depend on the order of arrival.

    Args:
        warehouse: Holds the staged person records.
        default_region: ISO country of phone numbers that name none.
        reading: How values are to be read, as learned before; learned anew without.
        latest_birth: The day of the run, UTC: nobody is born later; by default no bound.
        staged: The relation of the records to prepare: all, or a part of them.
    """
    # Staged records are a view that ranks all versions: it is looked at once, not for each column.
    kind = "table" if staged == SOURCE else "view"
    warehouse.execute(
        f"create or replace temp {kind} {_STAGED} as select {', '.join(RECORD_COLUMNS)} "
        f"from {STAGED_RECORDS if staged == SOURCE else staged}"
    )
    words = _name_values(warehouse, None if reading is None else reading.words)
    _first_names(warehouse)
    _column_values(warehouse, "last_name", null_last_names)
    for name in ("city", "state", "postal_code", "company_name"):
        _column_keys(warehouse, name)
    _column_values(warehouse, "email", normalise_emails)
    _phones(warehouse, default_region)
    dates = _birth_dates(warehouse, None if reading is None else reading.dates, latest_birth)
    _given_names(warehouse)
    warehouse.execute(f"create or replace temp table {RECORDS} as {_RECORDS_SQL}")
    warehouse.execute(f"drop {kind} {_STAGED}")
    for name in _VALUES:
        warehouse.execute(f"drop table identity_{name}")
    _spelled_first_names(warehouse)
    return Reading(words, dates)


def _column_values(
    warehouse: Warehouse, column: str, normalise: Callable[[pa.Array], pa.Array]
) -> None:
    values = _different_values(warehouse, column)
    keep_values(
        warehouse, f"identity_{column}_values", {"given": values, "value": normalise(values)}
    )


def _different_values(warehouse: Warehouse, column: str) -> pa.Array:
    given = warehouse.read(
        f"select distinct {quoted(column)} as given from {_STAGED} where {quoted(column)} is not null "
        "order by given"
    )
    return given.column("given").combine_chunks()


def _first_names(warehouse: Warehouse) -> None:
    values = _different_values(warehouse, "first_name")
    parts = split_first_names(null_first_names(values))
    first, middle = (parts.column(name) for name in ("first_name", "middle_name"))
    keep_values(
        warehouse, "identity_first_name_values", {"given": values, "value": first, "middle": middle}
    )


def _phones(warehouse: Warehouse, default_region: str) -> None:
    """Read numbers as they are dialled in the country that their record names, if it names one."""
    given = warehouse.read(
        f"select distinct phone as given, country from {_STAGED} where phone is not null order by all"
    )
    texts, countries = (given.column(name).combine_chunks() for name in ("given", "country"))
    values = phones_by_country(texts, countries, default_region=default_region)
    keep_values(
        warehouse, "identity_phone_values", {"given": texts, "country": countries, "value": values}
    )


def _column_keys(warehouse: Warehouse, column: str) -> None:
    """Simplify a column with few different values once per value."""
    key = _KEY_OF_TEXT.format(quoted(column))
    warehouse.execute(
        f"create or replace temp table identity_{column}_keys as "
        f"select {quoted(column)} as given, {key} as value "
        f"from (select distinct {quoted(column)} from {_STAGED} where {quoted(column)} is not null)"
    )


def node_of(source: str, record_id: str) -> str:
    """SQL of the number of one record, sign-in, address or device: 63 bits of an MD5.

    Two of a million share a number with a probability of 1 in 18 million.
    """
    return f"(md5_number_lower({source} || '|' || {record_id}) >> 1)::bigint"


def _name_values(warehouse: Warehouse, order: WordOrder | None) -> WordOrder:
    given = warehouse.read(
        f"select distinct full_name as given from {_STAGED} "
        "where full_name is not null and first_name is null and last_name is null order by given"
    )
    values = given.column("given").combine_chunks()
    order = learn_word_order(values) if order is None else order
    parts = split_full_names(values, order)
    columns = {
        name: null_placeholders(parts.column(name))
        for name in ("first_name", "middle_name", "last_name")
    }
    keep_values(warehouse, "identity_full_name_values", {"given": values, **columns})
    return order


def _birth_dates(
    warehouse: Warehouse, orders: DateOrders | None, latest: date | None
) -> DateOrders:
    """Read the dates of each source in the order in which it writes day and month."""
    given = warehouse.read(
        f"select distinct source, birth_date as given from {_STAGED} where birth_date is not null "
        "order by all"
    )
    sources, texts = (given.column(name).combine_chunks() for name in ("source", "given"))
    orders = learn_date_orders(sources, texts) if orders is None else orders
    values = parse_birth_dates(
        texts,
        month_first=orders.of(sources),
        latest=None if latest is None else np.datetime64(latest),
    )
    keep_values(
        warehouse, "identity_birth_date_values",
        {"source": sources, "given": texts, "value": values},
    )  # fmt: skip
    return orders


# A mailbox such as "mary.lane", "mlane" or "lanem" is one person's; "lanefamily" or "sales" is not.
_NAMES_OWNER = """
    length(first_name) >= 3 and contains(mailbox, first_name)
    or length(given_name) >= 3 and contains(mailbox, given_name)
    or contains(mailbox, initial || replace(last_name, ' ', ''))
    or mailbox = replace(last_name, ' ', '') || initial
"""


def complete_names(warehouse: Warehouse) -> None:
    """Tell whether each mailbox is named after its owner."""
    warehouse.execute(
        f"update {RECORDS} set mailbox_names_owner = true where coalesce({_NAMES_OWNER}, false)"
    )


def _given_names(warehouse: Warehouse) -> None:
    """Find the name behind each first name that may be a nickname."""
    keys = " union ".join(
        f"select {_KEY_OF_NAME.format(column)} as first_name from {values}"
        for column, values in (
            ("value", "identity_first_name_values"),
            ("first_name", "identity_full_name_values"),
        )
    )
    names = warehouse.read(
        f"select first_name from ({keys}) where length(first_name) > 1 order by 1"
    ).column("first_name")
    values = names.combine_chunks()
    keep_values(warehouse, _GIVEN_NAMES, {"given": values, "value": canonical_given_names(values)})


def _spelled_first_names(warehouse: Warehouse) -> None:
    """Read the first name, or its initial, that a mailbox spells beside the record's last name.

    Of "Lane" at robert.lane@ the first name is known, and it is not Mary.
    """
    rests = warehouse.read(f"select distinct rest from ({_RESTS_SQL}) order by rest")
    values = rests.column("rest").combine_chunks()
    known = pa.array(sorted(known_given_names()), pa.string())
    is_listed = pc.is_in(values, value_set=known)
    columns = {
        "given": values,
        "first_name": pc.if_else(is_listed, values, None),
        "given_name": pc.if_else(is_listed, canonical_given_names(values), None),
    }
    keep_values(warehouse, _RESTS, columns)
    warehouse.execute(
        f"""
        update {RECORDS} as records
        set first_name = spelled.first_name, given_name = spelled.given_name, initial = left(rest, 1)
        from ({_RESTS_SQL}) as lacking join {_RESTS} as spelled on spelled.given = rest
        where lacking.record = records.record
            and (spelled.first_name is not null or length(rest) = 1)
        """
    )
    warehouse.execute(f"drop table {_RESTS}")


_RESTS = "identity_mailbox_rests"
_RESTS_SQL = f"""
    select record, replace(mailbox, surname, '') as rest
    from (
        select record, mailbox, replace(last_name, ' ', '') as surname from {RECORDS}
        where initial is null and last_name is not null and mailbox is not null
    )
    where length(surname) >= 3 and (starts_with(mailbox, surname) or ends_with(mailbox, surname))
        and mailbox <> surname
"""


def keep_values(warehouse: Warehouse, name: str, columns: dict[str, pa.Array]) -> None:
    """Put columns into a temporary table."""
    with warehouse.view("identity_arriving_values", pa.table(columns)):
        warehouse.execute(
            f"create or replace temp table {name} as select * from identity_arriving_values"
        )


# Older records first, among equally old ones by what they say, never by the ids that sources give:
# where two links are equally strong this decides which goes first. Seconds since 1970, then 29 bits
# of a hash.
_SENIORITY = """
    (least(greatest(coalesce(epoch(first_seen_at), 17179869183), 0),
        17179869183)::bigint << 29)
        + (md5_number_lower(concat_ws('|', source, email_value, phone_value, any_last_name,
            any_first_name, birth_date_value, user_id)) >> 35)::bigint
"""

_FREE_MAIL_DOMAINS = ", ".join(f"'{domain}'" for domain in sorted(FREE_MAIL_DOMAINS))
_RECORDS_SQL = rf"""
with joined as (
    select records.*,
        coalesce(first_names.value, names.first_name) as any_first_name,
        coalesce(records.middle_name, first_names.middle, names.middle_name) as any_middle_name,
        coalesce(last_names.value, names.last_name) as any_last_name,
        emails.value as email_value,
        phones.value as phone_value,
        cast(birth_dates.value as date) as birth_date_value,
        {simplified_street(_KEY_OF_TEXT.format("street"))} as street_key,
        cities.value as city_key,
        states.value as state_key,
        postal_codes.value as postal_code_key,
        companies.value as company_key
    from {_STAGED} as records
    left join identity_full_name_values as names
        on names.given = records.full_name
        and records.first_name is null and records.last_name is null
    left join identity_first_name_values as first_names on first_names.given = records.first_name
    left join identity_last_name_values as last_names on last_names.given = records.last_name
    left join identity_email_values as emails on emails.given = records.email
    left join identity_phone_values as phones
        on phones.given = records.phone and phones.country is not distinct from records.country
    left join identity_birth_date_values as birth_dates
        on birth_dates.given = records.birth_date and birth_dates.source = records.source
    left join identity_city_keys as cities on cities.given = records.city
    left join identity_state_keys as states on states.given = records.state
    left join identity_postal_code_keys as postal_codes on postal_codes.given = records.postal_code
    left join identity_company_name_keys as companies on companies.given = records.company_name
),
keyed as (
    select *,
        {_KEY_OF_NAME.format("any_first_name")} as first_name_key,
        case when length(first_name_key) > 1 then first_name_key end as told_first_name,
        split_part(split_part(email_value, '@', 1), '+', 1) as local_part
    from joined
)
select
    {node_of("source", "source_record_id")} as record,
    source,
    source_record_id,
    {usable_id("user_id")} as user_id,
    told_first_name as first_name,
    left(first_name_key, 1) as initial,
    {_KEY_OF_NAME.format("any_middle_name")} as middle_name,
    {_KEY_OF_NAME.format("any_last_name")} as last_name,
    email_value as email,
    local_part,
    nullif(regexp_replace(local_part, '[^\p{{L}}]+', '', 'g'), '') as mailbox,
    regexp_replace(local_part, '[^0-9]+', '', 'g') as mailbox_digits,
    split_part(email_value, '@', 2) as email_domain,
    -- Gmail ignores dots and what follows a plus: https://support.google.com/mail/answer/7436150
    case when email_domain in ('gmail.com', 'googlemail.com')
        then replace(local_part, '.', '') end as gmail_mailbox,
    email_domain in ({_FREE_MAIL_DOMAINS}) as mailbox_is_free,
    phone_value as phone,
    birth_date_value as birth_date,
    {house_number("street_key")} as house_number,
    {street_name("street_key")} as street,
    city_key as city,
    state_key as state,
    replace(postal_code_key, ' ', '') as postal_code,
    regexp_replace(company_key, '{_LEGAL_FORMS}', '') as company,
    first_seen_at,
    {_SENIORITY} as seniority,
    coalesce(given_names.value, told_first_name) as given_name,
    -- What the record itself says; a mailbox may tell more.
    told_first_name,
    initial as told_initial,
    false as is_spelled,
    false as mailbox_names_owner,
    false as email_is_shared,
    false as phone_is_shared
from keyed
left join {_GIVEN_NAMES} as given_names on given_names.given = told_first_name
"""
