"""Work out which account records are one company, and give it an id that stays.

Companies come from account records and from the domains of e-mail addresses. Records of one domain
are one company. A record without a domain joins the one company of its name; where several
companies have the name and their domains differ, nobody knows which, and it stands alone. Names
are compared without legal forms. Two domains of one name are one company only in one known
country.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from identifiers import null_placeholders
from identity.cluster import Edges, connect
from identity.config import IdentityConfig
from identity.inventory import ACCOUNT_RECORDS, ACCOUNTS
from identity.link_accounts import NODES, link_accounts
from identity.prepare import keep_values
from warehouse import Warehouse

_CLUSTERS = "identity_account_clusters"
_HEADS = "identity_account_heads"
_ASSIGNED = "identity_assigned_accounts"
_FORMER = "identity_former_accounts"
_NAMES = "identity_account_names"
# The id itself, with its source, and numbered: a part that was split off finds the first taken.
_TRIES = 8


@dataclass(frozen=True, slots=True)
class AccountReport:
    """What was found: all records, domains of addresses included, and the companies."""

    records: int
    accounts: int


def resolve_accounts(
    warehouse: Warehouse, config: IdentityConfig, *, run_id: str, now: datetime
) -> AccountReport:
    """Put accounts and their records in place; persons must have been resolved.

    The same input gives the same accounts and ids, whatever its order. An id once given stays with
    the company that keeps most of its records.

    Args:
        warehouse: Holds the staged accounts and persons, and the tables of ``resolve``.
        config: How many persons make a domain a company.
        run_id: Written beside what this run assigns.
        now: The machine's clock, UTC.
    """
    with warehouse.transaction():
        warehouse.create_missing((ACCOUNT_RECORDS, ACCOUNTS))
        _read_names(warehouse)
        link_accounts(warehouse, names=_NAMES, min_persons=config.min_domain_persons)
        _connect(warehouse)
        _assign(warehouse)
        _write(warehouse, run_id=run_id, now=now)
        counts = warehouse.read(
            f"select count(*) as records, count(distinct account_id) as accounts "
            f"from {ACCOUNT_RECORDS.name.sql}"
        ).to_pylist()[0]
    return AccountReport(**counts)


def _read_names(warehouse: Warehouse) -> None:
    """Fill the temporary table of names that are no placeholders."""
    given = warehouse.read(
        "select distinct name as given from staging.stg_raw__accounts where name is not null "
        "order by given"
    )
    values = given.column("given").combine_chunks()
    keep_values(warehouse, _NAMES, {"given": values, "value": null_placeholders(values)})


def _connect(warehouse: Warehouse) -> None:
    rows = warehouse.read("select left_node, right_node from identity_account_links order by all")
    nodes = int(warehouse.scalar(f"select count(*) from {NODES}"))
    left, right = (rows.column(name).to_numpy() for name in rows.column_names)
    found = connect(Edges(left, right, np.ones(len(left))), nodes=nodes)
    table = pa.table({"node": np.arange(nodes), "cluster": found})
    with warehouse.view("identity_arriving_accounts", table):
        warehouse.execute(
            f"create or replace temp table {_CLUSTERS} as select * from identity_arriving_accounts"
        )


def _assign(warehouse: Warehouse) -> None:
    warehouse.execute(
        f"create or replace temp table {_FORMER} as select source, account_record_id, account_id "
        f"from {ACCOUNT_RECORDS.name.sql}"
    )
    warehouse.execute(f"create or replace temp table {_HEADS} as {_HEADS_SQL}")
    warehouse.execute(f"create or replace temp table {_ASSIGNED} as {_INHERITED_SQL}")
    for attempt in range(_TRIES):
        longer = "source || ':' || account_record_id"
        own = ("own_id", longer)[attempt] if attempt < 2 else f"{longer} || ':{attempt}'"
        warehouse.execute(
            f"""
            insert into {_ASSIGNED}
            select cluster, {own} as account_id from {_HEADS}
            where cluster not in (select cluster from {_ASSIGNED})
                and {own} not in (select account_id from {_ASSIGNED})
            """
        )


# The record that person records name, or else the earliest, gives the id.
_HEADS_SQL = f"""
    with named as (
        select nodes.*, cluster, case
                when not is_derived and count(*) filter (not is_derived)
                    over (partition by account_record_id) > 1
                then source || ':' || account_record_id else account_record_id
            end as own_id
        from {NODES} as nodes join {_CLUSTERS} using (node)
    )
    select node, cluster, source, account_record_id, own_id from named
    qualify row_number() over (
        partition by cluster
        order by is_derived, not is_referred, first_seen_at nulls last, source, account_record_id
    ) = 1
"""

_INHERITED_SQL = f"""
    with in_common as (
        select cluster, former.account_id, count(*) as size
        from {_CLUSTERS} join {NODES} using (node)
        join {_FORMER} as former using (source, account_record_id)
        group by all
    ),
    heirs as (
        select in_common.*, own_id from in_common join {_HEADS} using (cluster)
        qualify row_number() over (
            partition by account_id order by size desc, account_id = own_id desc, cluster
        ) = 1
    )
    select cluster, account_id from heirs
    qualify row_number() over (
        partition by cluster order by size desc, account_id = own_id desc, account_id
    ) = 1
"""


def _write(warehouse: Warehouse, *, run_id: str, now: datetime) -> None:
    moment = {"run_id": run_id, "now": now}
    warehouse.replace(ACCOUNT_RECORDS.name, _RECORDS_SQL, moment)
    warehouse.replace(ACCOUNTS.name, _ACCOUNTS_SQL, {"now": now})


_RECORDS_SQL = f"""
    with rules as (
        select node, arg_min(rule, rank) as rule from (
            select left_node as node, rule, rank from identity_account_links
            union all select right_node, rule, rank from identity_account_links
        ) group by node
    )
    select nodes.source, nodes.account_record_id, assigned.account_id, nodes.domain,
        case when heads.node is not null then 'own record' else rules.rule end as rule,
        coalesce(former.assigned_at, $now) as assigned_at,
        coalesce(former.run_id, $run_id) as run_id
    from {NODES} as nodes join {_CLUSTERS} using (node)
    join {_ASSIGNED} as assigned using (cluster)
    left join {_HEADS} as heads on heads.node = nodes.node
    left join rules on rules.node = nodes.node
    left join {ACCOUNT_RECORDS.name.sql} as former
        on former.source = nodes.source and former.account_record_id = nodes.account_record_id
        and former.account_id = assigned.account_id
    order by source, account_record_id
"""

# An id that no record has any more leads to where most of its records went.
_ACCOUNTS_SQL = f"""
    with active as (select distinct account_id from {ACCOUNT_RECORDS.name.sql}),
    targets as (
        select former.account_id, records.account_id as target
        from {_FORMER} as former
        join {ACCOUNT_RECORDS.name.sql} as records using (source, account_record_id)
        group by former.account_id, records.account_id
        qualify row_number() over (
            partition by former.account_id order by count(*) desc, records.account_id
        ) = 1
    ),
    given as (
        select account_id from active union select account_id from {ACCOUNTS.name.sql}
    ),
    led as (
        select given.account_id, active.account_id is not null as is_active,
            coalesce(targets.target, onward.target, accounts.merged_into) as successor,
            accounts.created_at
        from given
        left join active using (account_id)
        left join {ACCOUNTS.name.sql} as accounts using (account_id)
        left join targets using (account_id)
        left join targets as onward on onward.account_id = accounts.merged_into
    )
    select account_id,
        case when is_active then 'active' when successor is not null then 'merged'
            else 'retired' end as status,
        case when not is_active then successor end as merged_into,
        coalesce(created_at, $now) as created_at
    from led order by account_id
"""
