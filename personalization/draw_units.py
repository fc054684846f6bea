"""Keep everybody in the arm that they met first, under whichever id that was.

Who is one person today may have met an arm under another id: as somebody else before a merge, or as
a browser that nobody was known for. In each draw the id that met it first stays the one that is
drawn; whoever met it under no other id is drawn by the id of today.

    draw                    is met by
    holdout                 any decision for a page, any mailing
    slot:<experiment>       a decision that was drawn, not one that a visit kept
    email_block:<block>     a mailing whose arm was drawn

A browser that somebody is drawn by stays theirs in that draw, and nobody else's, when it is shared
later or somebody else has it.

Companies go by what was drawn for them first, else by the oldest of their ids. After a split
everybody is drawn by ids of their own again.
"""

from __future__ import annotations

from measurement import ExperimentsConfig
from personalization.artefact import keyed_sql, pads
from personalization.config import PURPOSE
from personalization.draws import HOLDOUT_DRAW, company_draws, email_draw, slot_draw
from personalization.inventory import DECISIONS, DRAW_UNITS, TABLES
from personalization.inventory_email import EMAIL_BLOCKS
from personalization.publish import KEYS
from warehouse import TableName, Warehouse, literal

_ACCOUNTS = TableName("identity", "accounts")

# What was drawn is looked for among today's ids: of a split part no id leads to the other part.
_WRITTEN = """
    with met as ({met}),
    owners as ({owners}),
    kept as ({kept}),
    found as (
        select met.draw, owners.unit_id, met.id, met.first_at, owners.given_at
        from met
        inner join owners using (id)
        anti join kept using (draw, id)
        union all
        select draw, unit_id, id, first_at, {never} as given_at from kept
    )
    select draw, unit_id, arg_min(id, (first_at, given_at, id)) as drawn_as,
           nullif(min(first_at), {never}) as first_at, $run_id as run_id
    from found
    group by draw, unit_id
    having drawn_as <> unit_id
    order by draw, unit_id
"""
_NEVER = "timestamp '9999-01-01'"

_FORMER = f"select draw, drawn_as as id, coalesce(first_at, {_NEVER}) as first_at from {DRAW_UNITS.name.sql}"
_PAGES = f"""
    select draw, id, min(decided_at) as first_at
    from (
        select {literal(HOLDOUT_DRAW)} as draw, coalesce(person_id, unit_id) as id, decided_at
        from {DECISIONS.name.sql}
        where position = 1 and (person_id is not null or unit_kind = 'anonymous')
        union all
        select {literal(slot_draw(""))} || slot, case unit_kind when 'person' then person_id else unit_id end,
               decided_at
        from {DECISIONS.name.sql}
        where position = 1 and unit_id is not null and slot_kind = 'variant'
          and is_repeat is not true
    )
    group by all
"""
_MAILINGS = f"""
    select draw, person_id as id, cast(min(send_date) as timestamp) as first_at
    from (
        select unnest(case when is_randomised
                   then [{literal(HOLDOUT_DRAW)}, {literal(email_draw(""))} || block]
                   else [{literal(HOLDOUT_DRAW)}] end) as draw, person_id, send_date
        from {EMAIL_BLOCKS.name.sql} where slot = 1
    )
    group by all
"""

_PERSONS = f"""
    select person_id as id, current_person_id as unit_id, {_NEVER} as given_at
    from marts.current_person where current_person_id is not null
"""
_BROWSERS = f"select key as id, person_id as unit_id, {_NEVER} as given_at from ({KEYS})"
# Browsers by which persons were drawn up to now.
_GIVEN = f"""
    select written.draw, persons.current_person_id as unit_id, written.drawn_as as id,
           coalesce(written.first_at, {_NEVER}) as first_at
    from {DRAW_UNITS.name.sql} as written
    inner join marts.current_person as persons on persons.person_id = written.unit_id
    anti join marts.current_person as others on others.person_id = written.drawn_as
    where persons.current_person_id is not null
"""
# Theirs while they had the browser at some time, or it is shared; after a split only others had it.
_KEPT = f"""
    select distinct given.* from ({_GIVEN}) as given
    inner join (
        select {keyed_sql("anonymous_id", "anonymous_id")} as id, person_id, is_shared
        from identity.devices
        where is_shared or person_id in (select unit_id from ({_GIVEN}))
    ) as devices on devices.id = given.id
        and (devices.is_shared or devices.person_id = given.unit_id)
"""
_NONE_KEPT = f"from ({_GIVEN}) where false"
_COMPANIES = f"""
    select account_id as id, coalesce(merged_into, account_id) as unit_id, created_at as given_at
    from {_ACCOUNTS.sql} where status in ('active', 'merged')
"""
# A company is there from the beginning: of two that become one, the older one's id is drawn.
_EVERY_COMPANY = f"""
    select draws.draw, companies.id, {_NEVER} as first_at
    from (select unnest($company_draws::varchar[]) as draw) as draws
    cross join ({_COMPANIES}) as companies
"""


def write_draw_units(
    warehouse: Warehouse, experiments: ExperimentsConfig, *, secret: bytes, run_id: str
) -> int:
    """Put in place by which other id persons and companies are drawn; return how many rows.

    What was written before counts too: it outlives the decisions that it came from.

    Args:
        warehouse: With the identities, decisions and mailings known so far.
        experiments: Says where companies are drawn.
        secret: The key of the keyed hashes under which browsers were drawn.
        run_id: Stored with every row.
    """
    warehouse.create_missing(TABLES)
    has_browsers = _has_browsers(warehouse)
    companies = company_draws(experiments) if warehouse.exists(_ACCOUNTS) else []
    owners = [
        _PERSONS,
        *([_BROWSERS] if has_browsers else []),
        *([_COMPANIES] if companies else []),
    ]
    met = [_FORMER, _PAGES, _MAILINGS, *([_EVERY_COMPANY] if companies else [])]
    values: dict[str, object] = {"run_id": run_id}
    if has_browsers:
        values |= {**pads(secret), "purpose": PURPOSE}
    if companies:
        values["company_draws"] = companies
    query = _WRITTEN.format(met=_all(met), owners=_all(owners), never=_NEVER,
                            kept=_KEPT if has_browsers else _NONE_KEPT)  # fmt: skip
    return warehouse.replace(DRAW_UNITS.name, query, values)


def _all(queries: list[str]) -> str:
    return " union all ".join(f"({query})" for query in queries)


def _has_browsers(warehouse: Warehouse) -> bool:
    """Whether anything is drawn for a browser: hashing all that are known takes a while."""
    return bool(
        warehouse.scalar(
            f"select exists (from {DECISIONS.name.sql} where unit_kind = 'anonymous') "
            f"or exists ({_GIVEN})"
        )
    )
