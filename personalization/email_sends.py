"""Sends: which one is due, what of it may stay, and what was sent before."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from personalization.email_config import EmailBlock
from personalization.inventory_email import EMAIL_BLOCKS
from personalization.readings import Integers
from warehouse import Warehouse

POLICY = "rules_and_interests_v1"
WITHDRAWN = "consent was withdrawn since"


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
    warehouse: Warehouse, send: Send, *, due: pa.Table, offered: list[str]
) -> pa.Table:
    """Take back what may not be sent as it was chosen; return whom of ``due`` to choose for.

    Taken back are persons of the current send who are not due any more or in another arm (a
    consent changed, a merge), whose content is offered no more, or for whom the configuration was
    another.

    Args:
        warehouse: Holds the rows.
        send: The current send.
        due: person_id, arm, is_randomised of everybody for whom it is.
        offered: Ids of content and defaults that may be sent.
    """
    rows, one_send = EMAIL_BLOCKS.name.sql, "block = $block and send_id = $send_id"
    known = pa.table({"content_id": pa.array(offered, pa.string())})
    with warehouse.view("due", due), warehouse.view("offered", known):
        warehouse.execute(
            f"""
            delete from {rows} where {one_send} and person_id in (
                select sent.person_id
                from (select * from {rows} where {one_send}) as sent
                left join due using (person_id)
                left join offered using (content_id)
                where sent.config_version <> $version or offered.content_id is null
                    or sent.arm is distinct from due.arm
                    or sent.is_randomised is distinct from due.is_randomised
            )
            """,
            {**send.parameters, "version": send.config_version},
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
    warehouse: Warehouse, send: Send, *, person_ids: pa.ChunkedArray, content_ids: list[str]
) -> sparse.csr_matrix:
    """1 where the item was in one of the person's last sends; (persons, items)."""
    since = send.date - dt.timedelta(days=send.block.rest_sends * send.block.every_days)
    rows = warehouse.read(
        f"select distinct person_id, content_id from {EMAIL_BLOCKS.name.sql} "
        "where block = $block and send_date >= $since and send_date < $until and not is_ghost",
        {"block": send.key, "since": since, "until": send.date},
    )
    persons = positions(rows["person_id"], person_ids)
    items = positions(rows["content_id"], pa.array(content_ids, pa.string()))
    known = (persons >= 0) & (items >= 0)
    where = (persons[known], items[known])
    shape = (len(person_ids), len(content_ids))
    return sparse.csr_matrix((np.ones(int(known.sum())), where), shape=shape)


def positions(values: pa.ChunkedArray, among: pa.Array | pa.ChunkedArray) -> Integers:
    """Where each value stands in another list; -1 where it does not."""
    found = pc.fill_null(pc.index_in(values, value_set=among), -1)
    return np.asarray(found.to_numpy(), dtype=np.int64)
