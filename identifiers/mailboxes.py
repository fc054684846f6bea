"""The mailbox behind an address, where the provider says that several addresses are one."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from identifiers.text import as_texts

_GMAIL = r"^([^+@]*)(?:\+[^@]*)?@(?:gmail|googlemail)\.com$"


def canonical_mailboxes(emails: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The mailbox behind normalised addresses, by Gmail's rule.

    Gmail ignores dots and what follows a plus sign; googlemail.com is gmail.com. Addresses of
    other providers stay as they are.
    Source: https://support.google.com/mail/answer/7436150
    """
    texts = as_texts(emails)
    is_gmail = pc.match_substring_regex(texts, pattern=_GMAIL)
    local = pc.replace_substring_regex(texts, pattern=_GMAIL, replacement=r"\1")
    bare = pc.replace_substring(local, pattern=".", replacement="")
    return pc.if_else(is_gmail, pc.binary_join_element_wise(bare, "gmail.com", "@"), texts)
