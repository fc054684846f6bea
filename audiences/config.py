"""What a user writes about an audience: one YAML file each in ``config/audiences/``."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from audiences.clauses import KEY_PATTERN, LONGEST_KEY, Condition
from audiences.errors import InvalidAudienceError
from audiences.lists import find_lists
from settings import SettingsError, StrictModel, line_of, load_config, read_together

# A use that is said: more than blanks.
WORDS = r"\S"


class HoldOut(StrictModel):
    """A share of the members that is never sent anywhere, to measure against."""

    share: float = Field(gt=0, lt=1, description="Share of the members, 0..1.")
    salt: str = Field(
        min_length=1,
        description="Any text; members keep their arm while it stays. Audiences with the same "
        "salt hold out the same people.",
    )
    unit: Literal["person", "account"] = Field(
        "person", description="What is drawn; people without an account are drawn one by one."
    )


class Priority(StrictModel):
    """A place in a priority list: whoever fits several of its audiences is in the first alone."""

    list_: str = Field(
        alias="list",
        pattern=KEY_PATTERN,
        max_length=LONGEST_KEY,
        description="The list; other audiences name it as well.",
    )
    rank: int = Field(ge=1, description="The place in it, from 1; each place is taken once.")


class Audience(StrictModel):
    """One audience: who is in it, what they must have agreed to, whom to hold out."""

    key: str = Field(
        pattern=KEY_PATTERN,
        max_length=LONGEST_KEY,
        description="Its id in every table; never change it.",
    )
    name: str = Field(min_length=1, max_length=200, description="What people call it.")
    description: str = Field("", description="What it is for.")
    purposes: list[str] = Field(
        default_factory=list,
        description="Consent purposes that each member must have granted; unknown is not granted.",
    )
    legal_basis: str | None = Field(
        None, min_length=1, description="Why no consent is needed, where purposes is empty."
    )
    include: Condition = Field(description="Who is in it.")
    exclude: Condition | None = Field(None, description="Who of these is not.")
    hold_out: HoldOut | None = Field(None, description="Whom never to send.")
    priority: Priority | None = Field(
        None, description="Its place in a priority list; a person is in one audience of a list."
    )
    minimum_size: int = Field(
        0, ge=0, description="With fewer members nobody new is sent; changes and removals are."
    )
    sensitive: dict[str, Annotated[str, Field(min_length=3, pattern=WORDS)]] = Field(
        default_factory=dict,
        description="Sensitive columns of profiles and accounts that its clauses test or that are sent of its "
        "members, each with what it is used for; without that the audience is refused.",
    )
    _file: Path | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _may_process(self) -> Self:
        if not self.purposes and self.legal_basis is None:
            raise ValueError(
                "write at least one purpose under purposes, or say under legal_basis why no "
                "consent is needed"
            )
        return self

    @property
    def file(self) -> Path | None:
        """The file that says all this, so that mistakes can be told by their line."""
        return self._file

    def read_from(self, file: Path) -> Self:
        """Remember the file that it was read from."""
        self._file = file
        return self

    def where(self, place: str) -> str:
        """Where a clause stands, for a person who has to find it; ``include.any.0`` is the first."""
        if self._file is None:
            return f"audience {self.key!r}, {place}"
        keys = tuple(int(part) if part.isdigit() else part for part in place.split("."))
        line = line_of(self._file, keys)
        return f"{self._file}, {place}" if line is None else f"{self._file}, line {line}, {place}"


def load_audiences(folder: Path, *, landing: Path | None = None) -> tuple[Audience, ...]:
    """Read every ``*.yml`` of a folder, in the order of their names, and find their lists.

    Args:
        folder: Usually ``config/audiences``; none there means no audiences. Lists are named from
            the folder above it.
        landing: The landing folder; lists in it are found as they come.

    Raises:
        settings.ConfigurationError: A file says what is not understood.
        InvalidAudienceError: Two files have one key or one place in a priority list, or a list of
            the configuration folder is not there; all problems at once.
    """
    files = sorted(folder.glob("*.yml"))
    audiences = tuple(read_together(partial(_load, path) for path in files))
    problems = [
        *_twice(files, audiences),
        *(
            f"{audience.where(place)}: {problem}"
            for audience in audiences
            for place, problem in find_lists(
                {"include": audience.include, "exclude": audience.exclude},
                config=folder.parent,
                landing=landing,
            )
        ),
    ]
    if problems:
        raise InvalidAudienceError(problems)
    return audiences


def readable_audiences(folder: Path) -> tuple[tuple[Audience, ...], frozenset[str]]:
    """The audiences of the files that can be read, and the keys that the other files may have."""
    audiences, others = [], set[str]()
    for path in sorted(folder.glob("*.yml")):
        try:
            audiences.append(_load(path))
        except SettingsError:
            others.add(_written_key(path))
    return tuple(audiences), frozenset(others)


def _written_key(path: Path) -> str:
    """The key that a file says, though it cannot be read as a whole."""
    text = path.read_text(errors="replace") if path.is_file() else ""
    written = re.search(r"^key:\s*['\"]?(\w+)", text, re.MULTILINE)
    return written[1] if written else path.stem


def _load(path: Path) -> Audience:
    return load_config(path, Audience).read_from(path)


def _twice(files: Sequence[Path], audiences: Sequence[Audience]) -> Iterator[str]:
    """Keys and places in priority lists that two files claim."""
    keys = Counter(audience.key for audience in audiences)
    places = Counter(_place(audience) for audience in audiences)
    for path, audience in zip(files, audiences, strict=True):
        if keys[audience.key] > 1:
            yield f"{path}: key {audience.key!r} is also the key of another file"
        if audience.priority is not None and places[_place(audience)] > 1:
            taken = audience.priority
            yield (
                f"{path}: rank {taken.rank} of the priority list {taken.list_!r} is also the "
                "rank of another file"
            )


def _place(audience: Audience) -> tuple[str, int] | None:
    taken = audience.priority
    return None if taken is None else (taken.list_, taken.rank)


def find_audience(audiences: Sequence[Audience], key: str) -> Audience:
    """One of these audiences.

    Raises:
        InvalidAudienceError: None has this key; says which there are.
    """
    for audience in audiences:
        if audience.key == key:
            return audience
    known = [audience.key for audience in audiences]
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise InvalidAudienceError(
        [f"{key!r} is no audience: {hint}known: {', '.join(sorted(known)) or 'none'}"]
    )
