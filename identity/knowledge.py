"""Keep what was learned about a company's records, and say when it is to be learned anew.

Decisions on old records must not change because a few others came or went. Everything that one
record more or less would move for all, the model's parameters, the frequencies of names and birth
dates, the threshold, how large blocks are and which differences are trusted, is learned once, kept
as a file without values of persons, and used until the records have changed by a tenth in number,
or what is compared, how or by which configuration has changed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from identity.config import IdentityConfig
from identity.constrain import Trust
from identity.frequencies import Frequencies
from identity.judge import Mixture
from identity.model import COMPARISONS
from identity.reading import Reading
from identity.train import FieldParameters

# Raise it when the same records would teach something else than before.
_METHOD = 22
_MOST_CHANGE = 0.1


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What was learned.

    Attributes:
        key: Names what it depends on besides the records.
        records: How many records taught it.
        reason: Why it was learned then.
        frequencies: How usual names and birth dates are.
        reading: How values are read that can be read in two ways.
        limits: Per blocking key the largest block that is compared.
        fields: The fields' m and u.
        mixture: The kinds of pairs.
        doubt: Bits by which held-out proven pairs correct the model's odds.
        threshold: Probability from which a pair is a link.
        trust: Which differences tell two people apart.
        reviewed_until: The last review, UTC, that the threshold heeds; None where none.
    """

    key: str
    records: int
    reason: str
    frequencies: Frequencies
    reading: Reading
    limits: tuple[int, ...]
    fields: tuple[FieldParameters, ...]
    mixture: Mixture
    doubt: float
    threshold: float
    trust: Trust
    reviewed_until: datetime | None = None


_FORMAT = TypeAdapter(Knowledge)


def knowledge_key(config: IdentityConfig, *, settings: str) -> str:
    """Name what knowledge depends on besides the records."""
    text = f"{_METHOD}|{config.model_dump_json()}|{settings}|{COMPARISONS!r}"
    return hashlib.sha256(text.encode()).hexdigest()


def load_knowledge(path: Path, *, key: str, records: int) -> tuple[Knowledge | None, str]:
    """Return what still holds, or None; and why it does not.

    Args:
        path: The file.
        key: What it must depend on.
        records: How many records there are now.
    """
    if not path.exists():
        return None, "nothing was learned before"
    try:
        known = _FORMAT.validate_json(path.read_bytes())
    except ValidationError:
        return None, "the file is of another version"
    if known.key != key:
        return None, "the configuration or the model has changed"
    if abs(records - known.records) >= _MOST_CHANGE * known.records:
        return None, f"the number of records went from {known.records} to {records}"
    return known, ""


def digest_knowledge(path: Path) -> str:
    """Name what was learned by the file's content; nothing learned has a name too."""
    return hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()


def save_knowledge(knowledge: Knowledge, path: Path) -> None:
    """Write the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(_FORMAT.dump_json(knowledge, indent=1))
    partial.replace(path)
