"""What else is sent of a member: traits, scores, personas, content, by the names over there.

Scores are rounded to three digits: a change that nobody would act on is not sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from audiences.catalogue import (
    ACCOUNT_MEMBERS,
    ACCOUNT_SCORES,
    AS_OF,
    CONTENT_ITEMS,
    EMAIL_BLOCKS,
    PERSONA_MEMBERS,
    PROFILES,
    RECOMMENDATIONS,
    SCORES,
    Catalogue,
    suggestion,
)
from audiences.predicted import personas_sql

SOURCE_PATTERN = (
    r"^(trait:[A-Za-z_][A-Za-z0-9_]*|(score|decile|score_source):[a-z][a-z0-9_]*|persona:(id|name)"
    r"|recommendation:[a-z][a-z0-9_]*(:[1-9][0-9]?)?"
    r"|email_block:[a-z][a-z0-9_]*:([1-9][0-9]?(:(title|url))?|arm|send)|text:.{1,200})$"
)
_PERSONA = {"persona_id": "id", "persona_name": "name"}
_KINDS: Mapping[str, object] = {"score": SCORES, "decile": SCORES, "score_source": SCORES,
                                "persona": PERSONA_MEMBERS,
                                "recommendation": RECOMMENDATIONS,
                                "email_block": EMAIL_BLOCKS}  # fmt: skip
_COLUMNS = {"score_source": "source"}
_EMAIL_COLUMNS = {"arm": "arm", "send": "send_id"}


@dataclass(frozen=True, slots=True)
class Field:
    """One value to send.

    Attributes:
        name: Its name at the destination: a field or merge tag.
        source: Where it comes from: ``trait:<column>``, ``score:<model>``, ``decile:<model>``,
            ``score_source:<model>`` (model, rule or insufficient); of a model of accounts, those of
            the likeliest account of the person;
            ``persona:id``, ``persona:name``, ``recommendation:<block>:<rank>``,
            ``email_block:<block>:<slot>`` (``:title``, ``:url``), ``email_block:<block>:arm`` or
            ``:send``,
            ``text:<words>``.
    """

    name: str
    source: str

    @property
    def kind(self) -> str:
        """What kind of source it is."""
        return self.source.partition(":")[0]

    @property
    def of(self) -> str:
        """Which trait, model, block or words."""
        return self.source.partition(":")[2]

    @property
    def is_column(self) -> bool:
        """Whether it is read off the profile itself."""
        return self.kind == "trait" and self.of not in _PERSONA


def field_problems(fields: tuple[Field, ...], catalogue: Catalogue) -> Iterator[str]:
    """What is wrong with the sources, each in a sentence that names the field.

    A model, persona or block that is not published yet is no mistake: an empty value is sent.
    """
    columns = catalogue.of(PROFILES).keys() - {"scores"}
    for field in fields:
        if field.kind == "trait" and field.of not in columns:
            hint = suggestion(field.of, columns)
            yield f"trait {field.of!r} is not a column of {PROFILES}: {hint}"


def fields_sql(fields: tuple[Field, ...], catalogue: Catalogue) -> tuple[str, str]:
    """Expressions and joins for the values of a person.

    Args:
        fields: What is wanted.
        catalogue: The tables that the warehouse has.

    Returns:
        A JSON object expression over ``profiles``, and the joins that it needs on ``person_id``.
    """
    values = [(field.name, _value(field, catalogue)) for field in fields]
    wanted = {_join(field, catalogue) for field in fields if _table(field) in catalogue.columns}
    joins = " ".join(sorted(join for join in wanted if join))
    return json_object_sql(values), joins


def json_object_sql(pairs: list[tuple[str, str]]) -> str:
    """Expression for a JSON object as text, of names and expressions."""
    written = ", ".join(f"{_quoted(name)}, {value}" for name, value in pairs)
    return f"cast(json_object({written}) as varchar)"


def _value(field: Field, catalogue: Catalogue) -> str:
    if field.kind == "text":
        return _quoted(field.of)
    if field.is_column:
        return _column(field.of, catalogue)
    if _table(field) not in catalogue.columns:
        return "null"
    if _table(field) is SCORES:
        value = f"{_alias(field)}.{_COLUMNS.get(field.kind, field.kind)}"
        return f"round({value}, 3)" if field.kind == "score" else value
    if field.kind in {"recommendation", "email_block"}:
        return f"{_alias(field)}.content"
    return f"personas.persona_{_PERSONA.get(field.of, field.of)}"


def _column(name: str, catalogue: Catalogue) -> str:
    """A trait; a moment with its T and Z, without which vendors refuse it or shift it by hours."""
    column = exp.column(name, "profiles", quoted=True).sql(dialect="duckdb")
    if catalogue.types.get(PROFILES, {}).get(name, "").upper() != "TIMESTAMP":
        return column
    return f"strftime({column}, '%Y-%m-%dT%H:%M:%SZ')"


def _table(field: Field) -> object:
    is_persona = field.kind == "trait" and field.of in _PERSONA
    return PERSONA_MEMBERS if is_persona else _KINDS.get(field.kind)


def field_rows(fields: tuple[Field, ...], catalogue: Catalogue) -> tuple[str, ...]:
    """Queries for the rows that values are taken from beside the profile, by ``person_id``."""
    found = {_rows(field, catalogue) for field in fields if _table(field) in catalogue.columns}
    return tuple(sorted(found - {""}))


def _join(field: Field, catalogue: Catalogue) -> str:
    """The join that a field needs; fields of one table share it."""
    rows = _rows(field, catalogue)
    alias = "personas" if _table(field) is PERSONA_MEMBERS else _alias(field)
    return f"left join ({rows}) as {alias} using (person_id)" if rows else ""


def _rows(field: Field, catalogue: Catalogue) -> str:
    table = _table(field)
    if table is PERSONA_MEMBERS:
        return personas_sql(f"(select coalesce(max(as_of), timestamp 'infinity') from {AS_OF.sql})")
    if table is SCORES:
        return _account_scores(field) if field.of in catalogue.account_models else _scores(field)
    if table is RECOMMENDATIONS:
        return _recommended(field, catalogue)
    return _mailed(field, catalogue) if table is EMAIL_BLOCKS else ""


def _alias(field: Field) -> str:
    kind = "score" if _table(field) is SCORES else field.kind
    return "of_" + re.sub(r"[^a-z0-9_]", "_", f"{kind}_{field.of}")


def _scores(field: Field) -> str:
    """The latest publication of one model, known by the moment that the warehouse stands at."""
    return f"""
        select person_id, score, decile, source from {SCORES.sql}
        where model_key = {_quoted(field.of)}
            and as_of <= (select coalesce(max(as_of), timestamp 'infinity') from {AS_OF.sql})
        qualify as_of = max(as_of) over ()
            and row_number() over (
                partition by person_id order by as_of desc, score desc nulls last
            ) = 1
    """


def _account_scores(field: Field) -> str:
    """The same of the likeliest of the accounts that a person belongs to; no score of a colleague."""
    return f"""
        select members.person_id, published.score, published.decile, published.source
        from (
            select account_id, score, decile, source, person_id from {ACCOUNT_SCORES.sql}
            where model_key = {_quoted(field.of)}
                and as_of <= (select coalesce(max(as_of), timestamp 'infinity') from {AS_OF.sql})
            qualify as_of = max(as_of) over ()
        ) as published
        inner join {ACCOUNT_MEMBERS.sql} as members
            on published.account_id = members.account_id
            and coalesce(published.person_id = members.person_id, true)
        qualify row_number() over (
            partition by members.person_id
            order by published.score desc nulls last, members.account_id
        ) = 1
    """


def _recommended(field: Field, catalogue: Catalogue) -> str:
    """What a block holds for a person; nothing for who is held out of everything."""
    block, _, rank = field.of.partition(":")
    has_ghosts = "is_ghost" in catalogue.of(RECOMMENDATIONS)
    content = (
        "case when not coalesce(is_ghost, false) then content_id end"
        if has_ghosts
        else "content_id"
    )
    return f"""
        select person_id, {content} as content from {RECOMMENDATIONS.sql}
        where block = {_quoted(block)} and rank = {int(rank or 1)}
        qualify row_number() over (partition by person_id order by as_of desc, content_id) = 1
    """


def _mailed(field: Field, catalogue: Catalogue) -> str:
    """What the current send of an e-mail block holds; in the arm ``none`` its slots are empty.

    A default of the block is no content: its id stands for its title and address.
    """
    block, wanted, shown = (*field.of.split(":"), "")[:3]
    column = _EMAIL_COLUMNS.get(wanted)
    is_described = shown and CONTENT_ITEMS in catalogue.columns
    content = f"coalesce(items.{shown}, sent.content_id)" if is_described else "sent.content_id"
    items = f"left join {CONTENT_ITEMS.sql} as items using (content_id)" if is_described else ""
    return f"""
        select sent.person_id, {column or f"case when not is_ghost then {content} end"} as content
        from {EMAIL_BLOCKS.sql} as sent {items}
        where block = {_quoted(block)} and slot = {1 if column else int(wanted)}
            and send_date = (
                select max(send_date) from {EMAIL_BLOCKS.sql} where block = {_quoted(block)}
            )
        qualify row_number() over (
            partition by sent.person_id order by sent.as_of desc, sent.content_id
        ) = 1
    """


def _quoted(text: str) -> str:
    return exp.Literal.string(text).sql(dialect="duckdb")
