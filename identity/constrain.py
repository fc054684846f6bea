"""Find who cannot be one person among those whom links bring together.

Only nodes of one component are looked at, and among them distinct faces (a name and a birth date)
and distinct users, so that the cost follows from how many differ, not from how many there are.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from identity.cluster import Conflicts, Edges, Ints, connect
from identity.collect import DECIDED, LIKENESS, LINKS
from identity.compare import level_case
from identity.decide import DECISIONS
from identity.model import COMPARISONS, level
from identity.nodes import NODES, USERS
from identity.prepare import RECORDS
from warehouse import Warehouse

COMPONENTS = "identity_components"
_LABELS, _CLASHES = "identity_labels", "identity_clashes"
# In the order in which they name the cut, should several hold.
RULES = (
    "decision: cannot link",
    "two different sign-ins",
    "birth date and first name both differ",
    "birth dates differ",
    "twins: same birth date and last name, two usual first names",
)
# What the two last say can be a slip of the pen, which an identifier outweighs, likeness does not.
_POWERS = np.array([np.inf, DECIDED, DECIDED, LIKENESS, LIKENESS])


_TWINS = (
    f"birth_date = {level('birth_date', 'same')} and last_name = {level('last_name', 'same')} "
    f"and first_name = {level('first_name', 'similar but two usual names')}"
)


def find_conflicts(warehouse: Warehouse, components: Ints) -> Conflicts:
    """Find all clashes within components.

    Args:
        warehouse: Holds the tables of the steps before.
        components: Per record and user, the component of its node.
    """
    keep_nodes(warehouse, COMPONENTS, component=components)
    _find_users(warehouse, nodes=len(components))
    _find_faces(warehouse, nodes=len(components))
    warehouse.execute(
        f"insert into {_CLASHES} select left_node, right_node, 0 from {DECISIONS} "
        f"join {COMPONENTS} as one on one.node = left_node "
        f"join {COMPONENTS} as other on other.node = right_node and other.component = one.component "
        "where decision = 'cannot_link'"
    )
    warehouse.execute(
        f"insert into {_LABELS} select left_label, left_label from {_CLASHES} where rule = 0 "
        f"union select right_label, right_label from {_CLASHES} where rule = 0"
    )
    return _read_conflicts(warehouse)


def keep_nodes(warehouse: Warehouse, name: str, **columns: Ints) -> None:
    """Put arrays over the first nodes into a temporary table, beside the node's number."""
    count = len(next(iter(columns.values())))
    rows = pa.table({"node": np.arange(count), **columns})
    with warehouse.view("identity_arriving_nodes", rows):
        warehouse.execute(
            f"create or replace temp table {name} as select * from identity_arriving_nodes"
        )


def _find_users(warehouse: Warehouse, *, nodes: int) -> None:
    """Two sign-ins of one system are two people, unless an alias joins them."""
    keep_nodes(warehouse, "identity_aliased", user=_joined_by_alias(warehouse, nodes))
    warehouse.execute(
        f"""
        create or replace temp table identity_signed_in as
        with systems as (
            select user_id, case when count(distinct source) = 1 then min(source) end as system
            from {RECORDS} where user_id is not null group by user_id
        )
        select node, {nodes} + aliased.user as label, component,
            coalesce(system, '{USERS}') as system
        from {NODES} join identity_aliased as aliased using (node)
        join {COMPONENTS} using (node)
        left join systems on systems.user_id = source_record_id
        where source = '{USERS}'
        """
    )
    warehouse.execute(
        f"create or replace temp table {_CLASHES} as "
        "select distinct one.label as left_label, other.label as right_label, 1 as rule "
        "from identity_signed_in as one join identity_signed_in as other "
        "using (component, system) where one.label < other.label"
    )
    warehouse.execute(
        f"create or replace temp table {_LABELS} as select node, label from identity_signed_in"
    )


def _joined_by_alias(warehouse: Warehouse, nodes: int) -> Ints:
    links = warehouse.read(
        f"select left_node, right_node from {LINKS} where contains(rule, 'alias') order by link"
    )
    left, right = (links.column(name).to_numpy() for name in ("left_node", "right_node"))
    return connect(Edges(left, right, np.ones(len(left))), nodes=nodes)


def _find_faces(warehouse: Warehouse, *, nodes: int) -> None:
    levels = {item.name: level_case(item) for item in COMPARISONS}
    columns = (
        "first_name", "given_name", "initial", "middle_name", "last_name", "first_name_count",
        "birth_date",
    )  # fmt: skip
    face = ", ".join(columns)
    sides = ", ".join(
        f"{side}.{c} as {c}_{side[0]}" for c in columns for side in ("left_face", "right_face")
    )
    warehouse.execute(
        f"""
        create or replace temp table identity_faces as
        select node, component, {face},
            {2 * nodes} + min(node) over (partition by component, {face}) as label
        from {RECORDS} join {COMPONENTS} on node = record
        where birth_date is not null and first_name is not null
        qualify count(*) over (partition by component) > 1
        """
    )
    warehouse.execute(
        f"""
        insert into {_CLASHES}
        with faces as (select distinct on (label) * from identity_faces),
        pairs as (
            select left_face.label as left_label, right_face.label as right_label, {sides}
            from faces as left_face join faces as right_face using (component)
            where left_face.label < right_face.label
        ),
        compared as (
            select left_label, right_label, {levels["first_name"]} as first_name,
                {levels["last_name"]} as last_name, {levels["birth_date"]} as birth_date
            from pairs
        )
        select left_label, right_label,
            case when birth_date <> 0 then 4 when first_name = 0 then 2 else 3 end
        from compared where birth_date = 0 or {_TWINS}
        """
    )
    warehouse.execute(f"insert into {_LABELS} select node, label from identity_faces")


def _read_conflicts(warehouse: Warehouse) -> Conflicts:
    clashes = warehouse.read(f"select * from {_CLASHES} order by all")
    labels = warehouse.read(
        f"select node, label from {_LABELS} where label in "
        f"(select left_label from {_CLASHES} union select right_label from {_CLASHES}) order by all"
    )
    rules = clashes.column("rule").to_numpy().astype(np.int64)
    return Conflicts(
        nodes=labels.column("node").to_numpy(),
        labels=labels.column("label").to_numpy(),
        left=clashes.column("left_label").to_numpy(),
        right=clashes.column("right_label").to_numpy(),
        rules=rules,
        powers=_POWERS[rules],
    )
