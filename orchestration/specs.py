"""Asset specs from the packages' own table declarations, so that nothing is described twice."""

from collections.abc import Iterable, Sequence

import dagster as dg

from warehouse import Pii, Table

# Strongest first: an asset is tagged with the strongest class among its columns.
DIRECT = frozenset({Pii.SENSITIVE, Pii.IDENTIFIER, Pii.PERSONAL})


def table_spec(
    table: Table, *, deps: Iterable[dg.AssetKey] = (), kinds: Iterable[str] = ("python", "duckdb")
) -> dg.AssetSpec:
    """Describe one declared table as an asset; key, group and owner follow from its schema."""
    return dg.AssetSpec(
        key=asset_key(table),
        deps=list(deps),
        description=f"{table.grain.rstrip('.')}.",
        group_name=table.name.schema,
        owners=[f"team:{table.name.schema}"],
        kinds=set(kinds),
        tags={"cdp/pii": _pii(table)},
        metadata={"dagster/column_schema": _columns(table)},
    )


def table_specs(
    tables: Sequence[Table],
    *,
    deps: Iterable[dg.AssetKey] = (),
    kinds: Iterable[str] = ("python", "duckdb"),
) -> list[dg.AssetSpec]:
    """Describe several tables that are written together."""
    return [table_spec(table, deps=deps, kinds=kinds) for table in tables]


def asset_key(table: Table) -> dg.AssetKey:
    """``schema/table``, as the warehouse names it."""
    return dg.AssetKey([table.name.schema, table.name.name])


def named(tables: Sequence[Table], *names: str) -> list[Table]:
    """The tables of these names, in this order."""
    by_name = {table.name.name: table for table in tables}
    return [by_name[name] for name in names]


def _pii(table: Table) -> str:
    classes = {column.pii for column in table.columns}
    if classes & DIRECT:
        return "direct"
    return "pseudonymous" if Pii.PSEUDONYMOUS in classes else "none"


def _columns(table: Table) -> dg.TableSchema:
    return dg.TableSchema(
        [dg.TableColumn(c.name, c.type, description=c.description) for c in table.columns]
    )
