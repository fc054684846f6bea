"""What people noted about the tasks of an erasure since its receipt was signed, signed too.

A receipt is never changed. An addendum names it by its hash, tells how every task of the request
stands, and names the entry of the audit log behind each note. It has the form of a receipt, so that
whoever can check the one can check the other. It names no person, and no employee: the log does.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Literal

import pydantic
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ConfigDict, Field

from privacy.audit import AuditHead
from privacy.errors import ReceiptError
from privacy.keys import fingerprint
from privacy.receipt import Receipt
from privacy.tasks import ErasureTask

VERSION = 1


class _Facts(pydantic.BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(_Facts):
    """An entry of the audit log."""

    position: int = Field(ge=0)
    entry_hash: str


class Task(_Facts):
    """One destination that has no call to forget a person, and was to be asked."""

    destination: str = Field(description="Its key in destinations.yml.")
    due_at: datetime = Field(description="Until when it was to be asked.")
    status: Literal["open", "done"] = Field(description="done: somebody noted that it was asked.")
    done_on: date | None = Field(description="On which day; null while it is open.")
    evidence: str | None = Field(description="The number of a ticket, or a few words; null: open.")
    audit: Entry | None = Field(description="The note in the audit log; null while it is open.")

    @pydantic.model_validator(mode="after")
    def _tell_what_was_done(self) -> Task:
        told = {self.done_on is not None, self.evidence is not None, self.audit is not None}
        if told != {self.status == "done"}:
            raise ValueError("a task that is done tells when and how, one that is open does not")
        return self


class AddendumFacts(_Facts):
    """The content of an addendum to a receipt; names no person. Times are UTC, without a zone."""

    addendum: Literal[1] = Field(description="Version of this form.")
    subject_request_id: str
    receipt: str = Field(description="Hex SHA-256 of the content of the receipt that it adds to.")
    issued_at: datetime = Field(description="How the tasks stood then; a later addendum counts.")
    tasks: tuple[Task, ...] = Field(min_length=1, description="Every task of the request.")
    audit: Entry = Field(description="The entry of the audit log that was last then.")

    @property
    def summary(self) -> str:
        """What it says, in one sentence for a person."""
        done = [task for task in self.tasks if task.status == "done"]
        shown = "; ".join(
            f"{task.destination} on {task.done_on} ({task.evidence})" for task in done
        )
        left = ", ".join(task.destination for task in self.tasks if task.status == "open")
        return (
            f"It says of {self.issued_at:%Y-%m-%d}: asked for the deletion of what else they keep: "
            f"{shown or 'none'}; still to be asked: {left or 'none'}."
        )


def sign_addendum(
    receipt: Receipt,
    tasks: Sequence[ErasureTask],
    *,
    head: AuditHead,
    key: Ed25519PrivateKey,
    now: datetime,
) -> Receipt:
    """Sign how the tasks of one request stand, as an addition to its receipt.

    Args:
        receipt: Of the request.
        tasks: All of its tasks; one at least.
        head: The last entry of the audit log.
        key: The key that signs now, which need not be that of the receipt.
        now: Time of issue, UTC without a zone.
    """
    facts = {
        "addendum": VERSION,
        "subject_request_id": receipt.subject_request_id,
        "receipt": _hash(receipt),
        "issued_at": now.isoformat(),
        "tasks": [_fact(task) for task in tasks],
        "audit": asdict(head),
    }
    AddendumFacts.model_validate(facts)
    content = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signature = base64.b64encode(key.sign(content.encode())).decode()
    return Receipt(
        receipt.subject_request_id, content, signature, fingerprint(key.public_key()), now
    )


def is_addendum(given: Receipt) -> bool:
    """Whether what was signed is an addendum, or pretends to be one."""
    return "addendum" in given.facts


def check_addendum(given: Receipt, receipt: Receipt | None = None) -> AddendumFacts:
    """Read the content of an addendum whose signature was checked.

    Args:
        given: The addendum.
        receipt: The receipt to which it is to belong; None where it is not at hand.

    Raises:
        ReceiptError: It lacks what an addendum says, its version is not known, or it belongs to
            another receipt.
    """
    try:
        facts = AddendumFacts.model_validate(given.facts)
    except pydantic.ValidationError as error:
        places = sorted({".".join(map(str, item["loc"])) for item in error.errors()})
        raise ReceiptError(
            f"it is signed, but these parts of the addendum are missing or not as they must be: {', '.join(places)}"
        ) from error
    if receipt is not None and facts.receipt != _hash(receipt):
        raise ReceiptError("the addendum belongs to another receipt")
    return facts


def addendum_schema() -> dict[str, Any]:
    """The JSON Schema of the content of an addendum (draft 2020-12)."""
    schema = AddendumFacts.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _hash(receipt: Receipt) -> str:
    return hashlib.sha256(receipt.content.encode()).hexdigest()


def _fact(task: ErasureTask) -> dict[str, Any]:
    note = task.note
    return {
        "destination": task.destination,
        "due_at": task.due_at.isoformat(),
        "status": "done" if note else "open",
        "done_on": note.done_on.isoformat() if note else None,
        "evidence": note.evidence if note else None,
        "audit": {"position": note.position, "entry_hash": note.entry_hash} if note else None,
    }
