"""Which clauses decide over an audience, those of the audiences that it names included."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from audiences.catalogue import suggestion
from audiences.clauses import AudienceClause, Leaf, ScoreClause
from audiences.config import Audience
from audiences.errors import InvalidAudienceError
from audiences.walk import walk


def circle(audience: Audience, by_key: Mapping[str, Audience], path: tuple[str, ...] = ()) -> str:
    """What is wrong with the references that start here; empty when nothing is."""
    if audience.key in path:
        return f"refers to itself: {' -> '.join((*path, audience.key))}"
    for _, clause in _conditions(audience):
        if isinstance(clause, AudienceClause) and clause.audience in by_key:
            problem = circle(by_key[clause.audience], by_key, (*path, audience.key))
            if problem:
                return problem
    return ""


def require_known_names(
    audiences: Collection[Audience],
    models: Collection[str],
    *,
    others: Collection[str] = frozenset(),
) -> None:
    """Refuse audiences and models that rules name and nobody declares, before anything is judged.

    Args:
        audiences: All that are configured.
        models: Keys of the models that are configured, published or not.
        others: Keys of audiences whose files cannot be read.

    Raises:
        InvalidAudienceError: Rules name what is not there; all problems at once.
    """
    by_key = {audience.key: audience for audience in audiences}
    problems = [problem for one in audiences for problem in strangers(one, {*by_key, *others})]
    for audience in audiences:
        for place, clause in _conditions(audience):
            if isinstance(clause, ScoreClause) and clause.score.model not in models:
                meant = suggestion(clause.score.model, models) if models else "it has none"
                problems.append(
                    f"{audience.where(place)}: {clause.score.model!r} is no model of "
                    f"predictions.yml: {meant}"
                )
    if problems:
        raise InvalidAudienceError(problems)


def strangers(audience: Audience, by_key: Collection[str]) -> Iterator[str]:
    """What is wrong with each clause that names an audience which is not there."""
    for place, clause in _conditions(audience):
        if isinstance(clause, AudienceClause) and clause.audience not in by_key:
            yield (
                f"{audience.where(place)}: {clause.audience!r} is no audience: "
                f"{suggestion(clause.audience, by_key)}"
            )


def leaves(
    audience: Audience, by_key: Mapping[str, Audience]
) -> Iterator[tuple[Audience, str, Leaf]]:
    """Every clause that decides: the audience that says it, this or one it refers to, and where."""
    for place, clause in _conditions(audience):
        if not isinstance(clause, AudienceClause):
            yield audience, place, clause
        elif clause.audience in by_key:
            yield from leaves(by_key[clause.audience], by_key)


def turned_leaves(
    audience: Audience, by_key: Mapping[str, Audience], *, is_turned: bool = False
) -> Iterator[tuple[Leaf, bool]]:
    """Every clause that decides, and whether who meets it is left out rather than let in."""
    for place, clause in _conditions(audience):
        turns = place.split(".").count("not") + place.startswith("exclude")
        is_out = is_turned ^ bool(turns % 2)
        if isinstance(clause, AudienceClause):
            yield from turned_leaves(by_key[clause.audience], by_key, is_turned=is_out)
        else:
            yield clause, is_out


def referenced(audience: Audience, by_key: Mapping[str, Audience]) -> tuple[Audience, ...]:
    """The audience and all that it refers to; needs references without a circle."""
    found = {audience.key: audience}
    for _, clause in _conditions(audience):
        if isinstance(clause, AudienceClause):
            found |= {other.key: other for other in referenced(by_key[clause.audience], by_key)}
    return tuple(found.values())


def _conditions(audience: Audience) -> Iterator[tuple[str, Leaf | AudienceClause]]:
    yield from walk(audience.include, "include")
    if audience.exclude is not None:
        yield from walk(audience.exclude, "exclude")
