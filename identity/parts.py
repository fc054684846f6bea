"""A person's records and sign-ins, and what holds them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from identity.cluster import Edges, Ints, connect
from identity.collect import ALIAS, DECIDED, IDENTIFIER, SIGNED_IN_WITH, USER_ID
from identity.decide import RecordName
from identity.errors import UnknownPersonError
from identity.nodes import DEVICES, EMAILS
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Parts:
    """What decisions can be about in one person; devices and addresses follow them.

    Attributes:
        person_id: The person.
        names: Records and sign-ins in the order of their numbers, which begin with 1.
        links: Links that hold them together, by place in ``names``.
        rules: Of each link, what it rests on.
        alike: Pairs that hold one value: together, should the link over others go.
    """

    person_id: str
    names: tuple[RecordName, ...]
    links: Edges
    rules: tuple[str, ...]
    alike: Edges

    def pieces(self, side: Ints) -> int:
        """Into how many persons a side (places in ``names``) falls by links of its own."""
        left = np.concatenate((self.links.left, self.alike.left))
        right = np.concatenate((self.links.right, self.alike.right))
        inside = np.isin(left, side) & np.isin(right, side)
        return len(np.unique(_joined(left[inside], right[inside], len(self.names))[side]))

    def weakest(self) -> tuple[int, Ints] | None:
        """The weakest of the links that hold all together, and the smaller side that hangs on it.

        None where nothing is linked.
        """
        spanning = self._spanning()
        if not len(spanning):
            return None
        rest = spanning[:-1]
        component = _joined(self.links.left[rest], self.links.right[rest], len(self.names))
        link = int(spanning[-1])
        sides = [
            np.flatnonzero(component == component[end[link]])
            for end in (self.links.right, self.links.left)
        ]
        return link, min(sides, key=len)

    def _spanning(self) -> Ints:
        """The strongest links that hold all together, strongest first."""
        order = np.lexsort((self.links.right, self.links.left, -self.links.strength))
        ends = np.stack((self.links.left[order], self.links.right[order]))
        ends, rank = np.unique(ends, axis=1, return_index=True)  # the strongest of a pair
        count = len(self.names)
        graph = coo_matrix((rank + 1.0, (ends[0], ends[1])), shape=(count, count))
        return order[np.sort(minimum_spanning_tree(graph).data).astype(np.int64) - 1]


def read_parts(warehouse: Warehouse, person_id: str) -> Parts:
    """Read an active person's records and sign-ins and their links.

    Raises:
        UnknownPersonError: Nobody has this id, or not any more.
    """
    require_active(warehouse, person_id)
    bound = {"person_id": person_id}
    members = warehouse.read(f"{_NAMES_SQL} order by place", bound).to_pylist()
    links = warehouse.read(_LINKS_SQL, bound)
    return Parts(
        person_id,
        tuple(RecordName(row["source"], row["source_record_id"]) for row in members),
        _edges(links),
        tuple(links.column("rule").to_pylist()),
        _edges(warehouse.read(_ALIKE_SQL, bound)),
    )


def require_active(warehouse: Warehouse, person_id: str) -> None:
    """Raise UnknownPersonError where nobody has this id, or not any more."""
    rows = warehouse.read(
        "select person_id, status, merged_into from identity.persons where person_id = $person_id",
        {"person_id": person_id},
    ).to_pylist()
    if not rows:
        raise UnknownPersonError(person_id)
    if rows[0]["status"] == "active":
        return
    became = warehouse.scalar(_BECAME_SQL, {"person_id": person_id})
    raise UnknownPersonError(person_id, became=became, was=True)


def _joined(left: Ints, right: Ints, count: int) -> Ints:
    return connect(Edges(left, right, np.ones(len(left))), nodes=count)


def _edges(rows: pa.Table) -> Edges:
    left, right, strength = (
        rows.column(name).to_numpy() for name in ("left_place", "right_place", "strength")
    )
    return Edges(left, right, strength)


_BECAME_SQL = """
    with recursive chain(person_id) as (
        select $person_id
        union
        select merged_into from identity.persons join chain using (person_id)
        where merged_into is not null
    )
    select person_id from identity.persons join chain using (person_id) where status = 'active'
"""

_NAMES_SQL = f"""
    select source, source_record_id,
        row_number() over (order by source, source_record_id) - 1 as place
    from identity.members
    where person_id = $person_id and source not in ('{DEVICES}', '{EMAILS}')
"""

# As in ``collect``; a link that is written down keeps no strength.
_STRENGTH = f"""
    case kind when 'decision' then {DECIDED} when 'probabilistic' then probability
        else case
            when contains(rule, 'alias') then {ALIAS}
            when contains(rule, 'user id') then {USER_ID}
            when starts_with(rule, 'signed in') then {SIGNED_IN_WITH}
            else {IDENTIFIER} end + coalesce(probability, 0.5)
    end
"""
_LINKS_SQL = f"""
    with names as ({_NAMES_SQL})
    select least(one.place, other.place) as left_place,
        greatest(one.place, other.place) as right_place, rule, {_STRENGTH} as strength
    from identity.links
    join names as one on one.source = left_source and one.source_record_id = left_record_id
    join names as other on other.source = right_source and other.source_record_id = right_record_id
    where not is_cut
    order by left_place, right_place, kind
"""
_ALIKE_SQL = f"""
    with names as ({_NAMES_SQL}),
    held as (
        select place, identifier_type, identifier_value
        from identity.identifiers join names using (source, source_record_id)
        where not is_shared and identifier_type in ('email', 'phone', 'user_id')
    )
    select distinct one.place as left_place, other.place as right_place, 0.0 as strength
    from held as one join held as other using (identifier_type, identifier_value)
    where one.place < other.place
    order by all
"""
