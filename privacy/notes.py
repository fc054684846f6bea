"""What people write for the audit log. It is kept for ever, so it must name nobody.

An address in it could never be taken out, and the erasure of whoever has it would never find an end.
"""

from __future__ import annotations

import re

from identifiers import tells_contact
from privacy.errors import PersonalNoteError

MAX_NOTE = 300  # signs; a ticket number or a sentence
_A_NAME = "give a name (where none is given, it is the user of this computer)"
_A_TICKET = (
    "name the ticket or the document instead (letters right before the digits of a ticket, as in "
    "T2065550100, say that it is no telephone)"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def impersonal(what: str, text: str, *, default_region: str) -> str:
    """A note on one line that tells no address and no telephone number; it is kept for ever.

    Raises:
        PersonalNoteError: It is empty, too long or tells one; does not repeat it.
    """
    note = _CONTROL.sub(" ", text).strip()
    if not note:
        instead = "a name" if what == "by" else "the number of a ticket, or a few words"
        raise PersonalNoteError(what, f"is empty: give {instead}")
    if len(note) > MAX_NOTE:
        raise PersonalNoteError(
            what, f"has more than {MAX_NOTE} signs: give the number of a ticket"
        )
    if tells_contact(note, default_region=default_region):
        raise PersonalNoteError(
            what,
            "holds what looks like an e-mail address or a telephone number, and would be kept for ever: "
            f"{_A_NAME if what == 'by' else _A_TICKET}",
        )
    return note
