"""What a row says beside the columns that are mapped: JSON of the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import groupby

from ingestion.record_rows import Rows
from warehouse import literal


def attributes_sql(rows: Rows, taken: AbstractSet[str], unread: Mapping[str, str]) -> str:
    """An expression for what is not mapped, as JSON; null where there is nothing.

    Args:
        rows: The rows of ``candor_rows``.
        taken: The columns that are mapped; of JSON lines the fields, by dotted path.
        unread: Of those, the ones whose text may be unreadable, with the test. One that is keeps
            its text: nothing is lost by a value that cannot be read.
    """
    if rows.columns is None:
        return _rest_of_document(taken, unread)
    usual = _object(rows, (name for name in rows.columns if name not in taken))
    # The order of the columns, so that equal rows of equal files give equal texts.
    kept = [(name, unread[name]) for name in rows.columns if name in unread]
    if not kept:
        return usual
    texts = ", ".join(
        f"{literal(name)}, case when {test} then {rows.column(name)} end" for name, test in kept
    )
    is_any = " or ".join(test for _, test in kept)
    # A null in the patch takes away what is not there.
    whole = f"json_merge_patch(coalesce({usual}, '{{}}'), json_object({texts}))::varchar"
    return f"case when {is_any} then {whole} else {usual} end"


def _object(rows: Rows, names: Iterable[str]) -> str:
    pairs = ", ".join(f"{literal(name)}, {rows.column(name)}" for name in names)
    return f"json_object({pairs})::varchar" if pairs else "null::varchar"


def _rest_of_document(taken: AbstractSet[str], unread: Mapping[str, str]) -> str:
    patches = ", ".join(_patches({name.replace('"', ""): unread.get(name) for name in taken}))
    if not patches:
        return "document"
    return f"nullif(json_merge_patch(document, {patches})::varchar, '{{}}')"


def _patches(taken: Mapping[str, str | None]) -> Iterator[str]:
    """Merge patches (RFC 7396) that take fields away, where they are what was read.

    Args:
        taken: Fields by dotted path, each with the test of whether it cannot be read.
    """
    always = sorted((name for name, test in taken.items() if test is None), key=_split)
    for parents, names in groupby(always, key=lambda name: _split(name)[0]):
        yield _where_read(parents, dict.fromkeys(_split(name)[1] for name in names))
    for name, test in sorted(taken.items()):
        parents, leaf = _split(name)
        if test is not None:
            yield f"case when {test} then '{{}}' else {_where_read(parents, {leaf: None})} end"
        if parents:
            keeps = "" if test is None else f" or {test}"
            flat = literal(json.dumps({name: None}))
            yield f"case when json_exists(document, {_path(*parents, leaf)}){keeps} then '{{}}' else {flat} end"


def _where_read(parents: tuple[str, ...], leaves: Mapping[str, None]) -> str:
    """A patch of fields of one object; nothing where no object stands there."""
    patch: Mapping[str, object] = leaves
    for parent in reversed(parents):
        patch = {parent: patch}
    whole = literal(json.dumps(patch))
    if not parents:
        return whole
    return (
        f"case when json_type(document, {_path(*parents)}) = 'OBJECT' then {whole} else '{{}}' end"
    )


def _split(name: str) -> tuple[tuple[str, ...], str]:
    *parents, leaf = name.split(".")
    return tuple(parents), leaf


def _path(*parts: str) -> str:
    return literal("$" + "".join(f'."{part}"' for part in parts))
