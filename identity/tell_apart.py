"""Tell from the letters of two mailboxes whether they name one person or two.

People leave a second address of theirs, and others of their household leave theirs on the same
browser. Where neither address is on a record, the letters decide: ``mary.smith`` and ``msmith``
may be one person, ``mary.smith`` and ``john.smith`` are two, ``mary.smith`` and ``coolcat`` say
nothing.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from identifiers import canonical_given_names, known_given_names
from identity.attach import CLUSTERS
from identity.frequencies import USUAL_NAMES, key_of
from identity.nodes import EMAILS, NODES, USERS
from identity.observe import ADDRESSES, SIGHTINGS
from identity.prepare import RECORDS, keep_values
from warehouse import Warehouse

TOLD_APART = "identity_told_apart"
_SPELLINGS = "identity_device_spellings"
_SHARING = "identity_sharing_letters"
_RESTS = "identity_rest_names"
# Fewer letters in common are chance.
_MIN_COMMON = 3
# One slip of the fingers in two words, a letter doubled or left out.
_MAX_SLIPS = 2


def tell_apart(warehouse: Warehouse, identified: str) -> None:
    """Fill the temporary table of verdicts: cluster, other, is_same, is_other.

    One row per unheld address (its cluster) and other cluster on one of its devices; neither
    verdict holds where the letters say nothing.

    Args:
        warehouse: Holds the tables of the steps before.
        identified: Table of who identified where: node, cluster, is_held.
    """
    pairs = _PAIRS_SQL.format(identified=identified)
    warehouse.execute(f"create or replace temp table {TOLD_APART}_pairs as {pairs}")
    if not warehouse.scalar(f"select exists (from {TOLD_APART}_pairs)"):
        warehouse.execute(
            f"create or replace temp table {TOLD_APART} "
            "(cluster bigint, other bigint, is_same boolean, is_other boolean)"
        )
        return
    warehouse.execute(f"create or replace temp table {_SPELLINGS} as {_SPELLINGS_SQL}")
    warehouse.execute(f"create or replace temp table {_SHARING} as {_SHARING_SQL}")
    rests = warehouse.read(
        f"select rest from {_SHARING} union select other_rest from {_SHARING} order by rest"
    )
    values = rests.column("rest").combine_chunks()
    known = pa.array(sorted(known_given_names()), pa.string())
    columns = {
        "given": values,
        "value": canonical_given_names(values),
        "is_listed": pc.is_in(values, value_set=known),
    }
    keep_values(warehouse, _RESTS, columns)
    warehouse.execute(f"create or replace temp table {TOLD_APART} as {_VERDICTS_SQL}")


_PAIRS_SQL = """
    select distinct one.cluster, other.cluster as other
    from {identified} as one join {identified} as other using (node)
    where not one.is_held and one.cluster <> other.cluster
"""

_LETTERS = r"regexp_replace(split_part(split_part({}, '@', 1), '+', 1), '[^\p{{L}}]+', '', 'g')"

_SPELLINGS_SQL = rf"""
    with wanted as (
        select cluster from {TOLD_APART}_pairs union select other from {TOLD_APART}_pairs
    ),
    members as (select node, cluster from {CLUSTERS} semi join wanted using (cluster)),
    spelled as (
        select cluster, unnest([mailbox, replace(first_name || last_name, ' ', '')]) as letters
        from members join {RECORDS} on record = node
        union
        select cluster, {_LETTERS.format("value")}
        from members join {NODES} as nodes using (node)
        join {ADDRESSES} on given = source_record_id where source = '{EMAILS}'
        union
        select cluster, {_LETTERS.format("value")}
        from members join {NODES} as nodes using (node)
        join (select distinct user_id, email from {SIGHTINGS}) on user_id = source_record_id
        join {ADDRESSES} on given = email where source = '{USERS}'
    )
    select cluster, letters from spelled where length(letters) >= {_MIN_COMMON}
"""

# The longest run of letters that both have, and what each has beside it.
_SHARING_SQL = f"""
    with compared as (
        select pairs.cluster, pairs.other, one.letters, two.letters as other_letters,
            unnest(generate_series(1, length(one.letters))) as first
        from {TOLD_APART}_pairs as pairs
        join {_SPELLINGS} as one on one.cluster = pairs.cluster
        join {_SPELLINGS} as two on two.cluster = pairs.other
    ),
    runs as (
        select *, unnest(generate_series({_MIN_COMMON}, length(letters) - first + 1)) as size,
            substr(letters, first, size) as common
        from compared
    )
    select cluster, other, letters, other_letters, common,
        replace(letters, common, '') as rest, replace(other_letters, common, '') as other_rest
    from runs where contains(other_letters, common)
    qualify row_number() over (
        partition by cluster, other, letters, other_letters order by size desc, first
    ) = 1
"""

_IS_SAME = f"""
    starts_with(rest, other_rest) or starts_with(other_rest, rest)
    or left(rest, 1) = left(other_rest, 1) and least(length(rest), length(other_rest)) <= 2
    or one.value = two.value or damerau_levenshtein(letters, other_letters) <= {_MAX_SLIPS}
"""
# A surname in common and another given name, or its initial, is another of the family.
_IS_OTHER = f"""
    (length(rest) = 1 or one.is_listed or {key_of("rest")} in (select key from {USUAL_NAMES}))
    and (length(other_rest) = 1
        or two.is_listed or {key_of("other_rest")} in (select key from {USUAL_NAMES}))
"""

_VERDICTS_SQL = f"""
    with judged as (
        select cluster, other, {_IS_SAME} as is_same, {_IS_OTHER} as is_other
        from {_SHARING} as sharing
        join {_RESTS} as one on one.given = rest join {_RESTS} as two on two.given = other_rest
    )
    select cluster, other, bool_or(coalesce(is_same, false)) as is_same,
        not bool_or(coalesce(is_same, false)) and bool_or(is_other) as is_other
    from judged group by cluster, other
"""
