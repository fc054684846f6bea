"""Sensitive traits that audiences test or send: each needs a use, written beside the audience."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from audiences.catalogue import ACCOUNTS, PROFILES
from audiences.clauses import AccountClause, TraitClause
from audiences.config import Audience
from audiences.errors import InvalidAudienceError
from audiences.references import leaves

# A column by its relation and its name.
Column = tuple[str, str]


def used_columns(
    audiences: Sequence[Audience], sent: Mapping[str, Collection[str]]
) -> frozenset[Column]:
    """Every column of profiles and accounts that an audience tests, or of whose members it is sent.

    Args:
        audiences: All that are configured.
        sent: Traits that are sent of the members, by the key of the audience.
    """
    return frozenset(column for _, _, column in _used(audiences, sent))


def require_uses(
    audiences: Sequence[Audience],
    sent: Mapping[str, Collection[str]],
    sensitive: Mapping[Column, Sequence[str]],
) -> None:
    """Refuse what is sensitive and of which an audience does not say what it is used for.

    Args:
        audiences: All that are configured.
        sent: Traits that are sent of the members, by the key of the audience.
        sensitive: Of each sensitive column the columns that it comes from.

    Raises:
        InvalidAudienceError: All places where a use is missing.
    """
    problems = {
        f"{where}: {column[1]!r} is sensitive (from {', '.join(sensitive[column])}): name it under "
        f"`sensitive` of audience {audience.key!r} with what it is used for, or take it out": None
        for audience, where, column in _used(audiences, sent)
        if column in sensitive and column[1] not in audience.sensitive
    }
    if problems:
        raise InvalidAudienceError(tuple(problems))


def _used(
    audiences: Sequence[Audience], sent: Mapping[str, Collection[str]]
) -> Iterator[tuple[Audience, str, Column]]:
    """The audience that answers for it, where it is used, and the column."""
    by_key = {audience.key: audience for audience in audiences}
    for audience in audiences:
        for owner, place, clause in leaves(audience, by_key):
            if isinstance(clause, TraitClause):
                yield owner, owner.where(place), (str(PROFILES), clause.trait)
            elif isinstance(clause, AccountClause):
                yield owner, owner.where(place), (str(ACCOUNTS), clause.account)
        for trait in sent.get(audience.key, ()):
            yield audience, f"a sync of audience {audience.key!r}", (str(PROFILES), trait)
