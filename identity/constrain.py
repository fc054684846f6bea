"""Find who cannot be one person among those whom links bring together.

Only nodes of one component are looked at, and among them distinct faces (a name and a birth date)
and distinct users, so that the cost follows from how many differ, not from how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from identity.cluster import Conflicts, Edges, Ints, connect
from identity.collect import DECIDED, LIKENESS, LINKS, PLACES
from identity.compare import level_case
from identity.decide import DECISIONS
from identity.judge import Mixture
from identity.model import COMPARISONS, level
from identity.nodes import NODES, USERS
from identity.observe import SIGHTINGS
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
    "twins: same birth date and last name, two first names",
    "sign-ins of two systems in the events of one source",
    "their other records speak against it",
    "more records than a person can own",
)
# The last two are no clashes of two records; see ``agree`` and ``limit``.
SPOKEN_AGAINST, TOO_LARGE = len(RULES) - 2, len(RULES) - 1
# What likeness alone cannot outweigh can be a slip of the pen, which an identifier outweighs, likeness does not.
_POWERS = np.array([np.inf, DECIDED, DECIDED, LIKENESS, LIKENESS, LIKENESS])
# So whoever they keep apart is for somebody to look at.
DOUBTFUL = (*np.flatnonzero(_POWERS == LIKENESS).tolist(), SPOKEN_AGAINST)


# Shares of one person's pairs: of a hundred at most one may have two birth dates, of a thousand at
# most one a second first name as well, for the difference to be taken for two people.
_MOST_BIRTH_DATES, _MOST_FACES = 0.01, 0.001
# Pairs of one person that a share must rest on before it is believed.
_LEAST_SUPPORT = 100


@dataclass(frozen=True, slots=True)
class Trust:
    """Which differences tell two people apart.

    Attributes:
        faces: A different birth date together with a different first name; always, unless the
            data show that they are full of slips in both.
        birth_dates: A different birth date alone; only where the data show that they agree.
    """

    faces: bool = True
    birth_dates: bool = False

    @classmethod
    def learned(cls, mixture: Mixture) -> Trust:
        """Judge by how often one person's values differ in these data."""
        differing = {
            name: levels[-1]
            for name, levels in mixture.person.levels.items()
            if mixture.support[name] >= _LEAST_SUPPORT
        }
        birth_dates = differing.get("birth_date")
        if birth_dates is None:
            return cls()
        first_names = differing.get("first_name", 0.0)
        return cls(
            faces=bool(birth_dates * first_names <= _MOST_FACES),
            birth_dates=bool(birth_dates <= _MOST_BIRTH_DATES),
        )


_ONE_BIRTHDAY = (
    f"birth_date = {level('birth_date', 'same')} and last_name = {level('last_name', 'same')}"
)
_ALIKE = f"first_name = {level('first_name', 'similar but two usual names')}"


def find_conflicts(warehouse: Warehouse, components: Ints, *, trust: Trust) -> Conflicts:
    """Find all clashes within components.

    Args:
        warehouse: Holds the tables of the steps before.
        components: Per place of a linked node, the place that names its component.
        trust: Which differences tell two people apart in these data.
    """
    rows = pa.table({"place": np.arange(len(components)), "component": components})
    with warehouse.view("identity_arriving_nodes", rows):
        warehouse.execute(
            f"create or replace temp table {COMPONENTS} as select node, place, component "
            f"from {PLACES} join identity_arriving_nodes using (place)"
        )
    _find_users(warehouse, places=len(components))
    _find_faces(warehouse, places=len(components), trust=trust)
    _reconcile(warehouse, places=len(components))
    warehouse.execute(
        f"insert into {_CLASHES} select one.place, other.place, 0 from {DECISIONS} "
        f"join {COMPONENTS} as one on one.node = left_node "
        f"join {COMPONENTS} as other on other.node = right_node and other.component = one.component "
        "where decision = 'cannot_link'"
    )
    warehouse.execute(
        f"insert into {_LABELS} select left_label, left_label from {_CLASHES} where rule = 0 "
        f"union select right_label, right_label from {_CLASHES} where rule = 0"
    )
    return _read_conflicts(warehouse)


def _find_users(warehouse: Warehouse, *, places: int) -> None:
    """Two sign-ins of one system are two people, unless an alias joins them.

    So are two of different systems where both are used in the events of one source, unless more
    than likeness joins them: there somebody has one id at a time.
    """
    joined = pa.table({"place": np.arange(places), "user": _joined_by_alias(warehouse, places)})
    with warehouse.view("identity_arriving_nodes", joined):
        warehouse.execute(
            f"""
            create or replace temp table identity_signed_in as
            with systems as (
                select user_id, case when count(distinct source) = 1 then min(source) end as system
                from {RECORDS} where user_id is not null group by user_id
            )
            select place, {places} + aliased.user as label, component, source_record_id as user_id,
                coalesce(system, '{USERS}') as system
            from {NODES} join {COMPONENTS} using (node)
            join identity_arriving_nodes as aliased using (place)
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
    warehouse.execute(f"insert into {_CLASHES} {_USED_TOGETHER_SQL}")
    warehouse.execute(
        f"create or replace temp table {_LABELS} as select place, label from identity_signed_in"
    )


_USED_TOGETHER_SQL = f"""
    with used as (
        select distinct label, component, source
        from identity_signed_in join {SIGHTINGS} using (user_id) where source is not null
    )
    select distinct one.label, other.label, 5
    from used as one join used as other using (component, source) where one.label < other.label
"""


def _joined_by_alias(warehouse: Warehouse, places: int) -> Ints:
    links = warehouse.read(
        f"select left_place, right_place from {LINKS} where contains(rule, 'alias') order by link"
    )
    left, right = (links.column(name).to_numpy() for name in ("left_place", "right_place"))
    return connect(Edges(left, right, np.ones(len(left))), nodes=places)


def _find_faces(warehouse: Warehouse, *, places: int, trust: Trust) -> None:
    """Whose birth dates, and first names with them, differ."""
    face = ", ".join(_FACE)
    warehouse.execute(
        f"""
        create or replace temp table identity_faces as
        select place, component, {face},
            {2 * places} + min(place) over (partition by component, {face}) as label
        from {RECORDS} join {COMPONENTS} on node = record
        where birth_date is not null and first_name is not null
        qualify count(*) over (partition by component) > 1
        """
    )
    warehouse.execute(
        f"insert into {_CLASHES} {_FACE_CLASHES_SQL}",
        {"faces": trust.faces, "birth_dates": trust.birth_dates},
    )
    warehouse.execute(f"insert into {_LABELS} select place, label from identity_faces")


def _reconcile(warehouse: Warehouse, *, places: int) -> None:
    """Whom must-links make one person no longer clash, nor do their other records."""
    links = warehouse.read(
        f"select one.place as left_place, other.place as right_place from {DECISIONS} "
        f"join {PLACES} as one on one.node = left_node "
        f"join {PLACES} as other on other.node = right_node "
        "where decision = 'must_link' order by all"
    )
    if not len(links):
        return
    left, right = (links.column(name).to_numpy() for name in links.column_names)
    decided = connect(Edges(left, right, np.ones(len(left))), nodes=places)
    rows = pa.table({"place": np.arange(places), "decided": decided})
    with warehouse.view("identity_arriving_nodes", rows):
        warehouse.execute(f"create or replace temp table identity_reconciled as {_RECONCILED_SQL}")
    warehouse.execute(
        f"delete from {_CLASHES} where (left_label, right_label) in "
        "(select left_label, right_label from identity_reconciled)"
    )


_RECONCILED_SQL = f"""
    with labels as (
        select place, label from {_LABELS}
        union
        select mine.place, signed_in.label
        from {RECORDS} as records join {PLACES} as mine on mine.node = records.record
        join {NODES} as users on users.source = '{USERS}' and users.source_record_id = user_id
        join {PLACES} as theirs on theirs.node = users.node
        join identity_signed_in as signed_in on signed_in.place = theirs.place
    ),
    joined as (
        select decided, label from labels join identity_arriving_nodes using (place)
        qualify count(*) over (partition by decided) > 1
    )
    select distinct one.label as left_label, other.label as right_label
    from joined as one join joined as other using (decided) where one.label < other.label
"""


_FACE = (
    "first_name", "given_name", "initial", "middle_name", "last_name", "first_name_count",
    "last_name_count", "birth_date",
)  # fmt: skip
_LEVELS = {item.name: level_case(item) for item in COMPARISONS}
_SIDES = ", ".join(
    f"{side}.{column} as {column}_{side[0]}"
    for column in _FACE
    for side in ("left_face", "right_face")
)
_FACE_CLASHES_SQL = f"""
    with faces as (select distinct on (label) * from identity_faces),
    pairs as (
        select left_face.label as left_label, right_face.label as right_label, {_SIDES}
        from faces as left_face join faces as right_face using (component)
        where left_face.label < right_face.label
    ),
    compared as (
        select left_label, right_label, {_LEVELS["first_name"]} as first_name,
            {_LEVELS["last_name"]} as last_name, {_LEVELS["birth_date"]} as birth_date
        from pairs
    )
    select left_label, right_label,
        case when birth_date <> 0 then 4 when first_name = 0 then 2 else 3 end
    from compared
    where $faces and first_name = 0 and (birth_date = 0 or {_ONE_BIRTHDAY})
        or $birth_dates and (birth_date = 0 or {_ONE_BIRTHDAY} and {_ALIKE})
"""


def _read_conflicts(warehouse: Warehouse) -> Conflicts:
    clashes = warehouse.read(f"select * from {_CLASHES} order by all")
    labels = warehouse.read(
        f"select place, label from {_LABELS} where label in "
        f"(select left_label from {_CLASHES} union select right_label from {_CLASHES}) order by all"
    )
    rules = clashes.column("rule").to_numpy().astype(np.int64)
    return Conflicts(
        nodes=labels.column("place").to_numpy(),
        labels=labels.column("label").to_numpy(),
        left=clashes.column("left_label").to_numpy(),
        right=clashes.column("right_label").to_numpy(),
        rules=rules,
        powers=_POWERS[rules],
    )
