"""Sends: which one is due, what of it may stay, and what was sent before."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from measurement import Holdout
from personalization.email_config import EmailBlock
from personalization.inventory_email import EMAIL_BLOCKS
from personalization.readings import Integers
from warehouse import TableName, Warehouse

POLICY = "rules_and_interests_v1"
WITHDRAWN = "consent was withdrawn since"
LEDGER = TableName("sync", "ledger")
_HANDED_OVER = f"""
    select person_id, max(acknowledged_at) as acknowledged_at from {LEDGER.sql}
    where status = 'acknowledged' and list_contains($syncs::varchar[], sync_key)
    group by person_id
"""
_NOTHING_HANDED_OVER = """
    select null::varchar as person_id, null::timestamp as acknowledged_at where $syncs::varchar[] is null
"""
# Rows of who may be chosen for as before are kept once a sync has handed them over: the mail may be out.
_FORGET = """
    delete from {rows} where {one_send} and person_id in (
        select sent.person_id
        from (select * from {rows} where {one_send}) as sent
        left join marts.current_person as current_person using (person_id)
        left join due on sent.person_id = due.person_id
        left join due as now_due
            on now_due.person_id = coalesce(current_person.current_person_id, sent.person_id)
        left join offered on sent.content_id = offered.content_id
        left join ({handed_over}) as handed_over
            on sent.person_id = handed_over.person_id
            and handed_over.acknowledged_at >= sent.as_of
        where sent.is_randomised is distinct from now_due.is_randomised
            or (handed_over.person_id is null and (
                sent.config_version <> $version or offered.content_id is null
                or sent.arm is distinct from due.arm
                or sent.is_randomised is distinct from due.is_randomised
            ))
    )
"""


@dataclass(frozen=True, slots=True)
class SendLimits:
    """What else decides for whom may be chosen.

    Attributes:
        holdout: Who is held out of everything and gets business as usual; None: nobody is.
        syncs: Keys of the syncs that hand a block to the e-mail tool, by the block's key.
    """

    holdout: Holdout | None = None
    syncs: Mapping[str, Sequence[str]] = field(default_factory=dict)


NO_LIMITS = SendLimits()


@dataclass(frozen=True, slots=True)
class Send:
    """One mailing of one block."""

    key: str
    block: EmailBlock
    date: dt.date

    @classmethod
    def due(cls, key: str, block: EmailBlock, as_of: dt.datetime) -> Send:
        """The send that a moment belongs to."""
        days = (as_of.date() - block.starts_on).days // block.every_days * block.every_days
        return cls(key, block, block.starts_on + dt.timedelta(days=days))

    @property
    def send_id(self) -> str:
        """The block and the first day on which it may go out."""
        return f"{self.key}_{self.date:%Y-%m-%d}"

    @property
    def config_version(self) -> str:
        """Changes with anything in the block's configuration."""
        return hashlib.sha256(f"{POLICY} {self.block.model_dump_json()}".encode()).hexdigest()[:12]

    @property
    def parameters(self) -> dict[str, object]:
        """Values bound in queries about the send."""
        return {"block": self.key, "send_id": self.send_id}


def forget_stale(
    warehouse: Warehouse,
    send: Send,
    *,
    due: pa.Table,
    offered: list[str],
    syncs: Sequence[str] = (),
) -> pa.Table:
    """Take back what may not be sent as it was chosen; return whom of ``due`` to choose for.

    Taken back are persons of the current send who are not due any more or in another arm (a
    consent changed, a merge), whose content is offered no more, or for whom the configuration was
    another. Of those whom a sync has handed over since they were chosen for, only whoever came in
    or out of the comparison, by a consent or the hold-out: the others' mail may be out.

    Args:
        warehouse: Holds the rows.
        send: The current send.
        due: person_id, arm, is_randomised of everybody for whom it is.
        offered: Ids of content and defaults that may be sent.
        syncs: Keys of the syncs that hand the block to the e-mail tool.
    """
    rows, one_send = EMAIL_BLOCKS.name.sql, "block = $block and send_id = $send_id"
    known = pa.table({"content_id": pa.array(offered, pa.string())})
    with warehouse.view("due", due), warehouse.view("offered", known):
        handed_over = _HANDED_OVER if warehouse.exists(LEDGER) else _NOTHING_HANDED_OVER
        warehouse.execute(
            _FORGET.format(rows=rows, one_send=one_send, handed_over=handed_over),
            {**send.parameters, "version": send.config_version, "syncs": list(syncs)},
        )
        return warehouse.read(
            f"""
            select due.* from due
            anti join (select person_id from {rows} where {one_send}) as sent using (person_id)
            order by due.person_id
            """,
            send.parameters,
        )


def forget_reasons(warehouse: Warehouse, purpose: str) -> None:
    """Past sends to who withdrew the consent keep what was sent, not what it says of the person."""
    warehouse.execute(
        f"""
        update {EMAIL_BLOCKS.name.sql} set rule = null, reason = $withdrawn
        where is_randomised and reason <> $withdrawn and person_id not in (
            select person_id from marts.current_person
            where current_person_id in (
                select person_id from marts.consent_current
                where purpose = $purpose and status = 'granted'
            )
        )
        """,
        {"withdrawn": WITHDRAWN, "purpose": purpose},
    )


def sent_lately(
    warehouse: Warehouse,
    send: Send,
    *,
    person_ids: pa.ChunkedArray,
    content_ids: list[str],
    ghosts: pa.ChunkedArray,
) -> sparse.csr_matrix:
    """1 where the item was in one of the person's last sends; (persons, items).

    Args:
        warehouse: With the sends of before.
        send: What lies in the days before it counts.
        person_ids: The rows.
        content_ids: The columns.
        ghosts: Who gets no block: for them what would have been sent counts, and nothing else, so
            that their next list is again what they would be sent.
    """
    since = send.date - dt.timedelta(days=send.block.rest_sends * send.block.every_days)
    rows = warehouse.read(
        "select distinct coalesce(current_person_id, person_id) as person_id, content_id, is_ghost "
        f"from {EMAIL_BLOCKS.name.sql} left join marts.current_person using (person_id) "
        "where block = $block and send_date >= $since and send_date < $until",
        {"block": send.key, "since": since, "until": send.date},
    )
    persons = positions(rows["person_id"], person_ids)
    items = positions(rows["content_id"], pa.array(content_ids, pa.string()))
    was_sent = rows["is_ghost"].to_numpy() == (positions(rows["person_id"], ghosts) >= 0)
    known = (persons >= 0) & (items >= 0) & was_sent
    where = (persons[known], items[known])
    shape = (len(person_ids), len(content_ids))
    return sparse.csr_matrix((np.ones(int(known.sum())), where), shape=shape)


def positions(values: pa.ChunkedArray, among: pa.Array | pa.ChunkedArray) -> Integers:
    """Where each value stands in another list; -1 where it does not."""
    found = pc.fill_null(pc.index_in(values, value_set=among), -1)
    return np.asarray(found.to_numpy(), dtype=np.int64)
