"""Tables and views of a database, by dlt's SQL source; every value exactly as the database has it."""

from __future__ import annotations

from typing import Any

from ingestion.errors import PullError, PullRefusedError, PullUnavailableError
from ingestion.pull.engine import load_dlt
from ingestion.pull.feed import Feed, PullRequest, wanted_columns
from ingestion.pull_config import SqlPull
from settings import read_secret

_CHUNK_ROWS = 20_000
_DAY_S = 86_400

# SQLSTATE of what a person must settle, by its first signs; PostgreSQL's, and the standard's.
_WHAT_TO_DO = {
    "28": "the login is not accepted: correct the URL in {secret}",
    "3D": "there is no such database: correct the URL in {secret}",
    "42": "the table or a column is not there, or the login may not read it",
}


def open_sql(request: PullRequest, pull: SqlPull) -> Feed:
    """The rows that are new since the last pull; without a cursor all rows.

    Raises:
        MissingSecretError: The URL's variable is not set.
        PullRefusedError: The table, or a column that is named, is not there.
    """
    load_dlt()
    from dlt.sources.sql_database import sql_table  # noqa: PLC0415 - see load_dlt

    table = _reflected(request, pull, engine := _engine(request, pull))
    resource = sql_table(
        credentials=engine,
        table=pull.table,
        schema=pull.schema_,
        metadata=table.metadata,
        chunk_size=_CHUNK_ROWS,
        backend="pyarrow",
        included_columns=pull.columns,
        type_adapter_callback=lambda of: of if _is_carried(of) else _text(),
        query_adapter_callback=_exact,
        incremental=_incremental(request, pull, table),
    ).with_name("rows")
    read = [column for column in table.columns if not pull.columns or column.name in pull.columns]
    return Feed(
        [resource],
        columns={column.name: _type_name(column.type, engine) for column in read},
        json_columns=frozenset(c.name for c in read if _is_json(c.type)),
        number_columns=frozenset(c.name for c in read if _is_number(c.type)),
    )


def _engine(request: PullRequest, pull: SqlPull) -> Any:
    """An engine that keeps no connection open."""
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    purpose = f"pulling source {request.name!r} from a database"
    secret = read_secret(request.environ, pull.url_env, purpose=purpose)
    try:
        url = sa.make_url(secret.get_secret_value())
        if url.drivername in {"postgresql", "postgres"}:
            url = url.set(drivername="postgresql+pg8000")  # the driver that our extra brings
        return sa.create_engine(url, poolclass=sa.NullPool)
    except (sa.exc.ArgumentError, ImportError) as error:
        wrong = "is no URL of a database" if isinstance(error, sa.exc.ArgumentError) else _NO_DRIVER
    # Outside of the handler: SQLAlchemy's message shows the URL, and that holds a password.
    raise PullRefusedError(request.name, f"what {pull.url_env} holds {wrong}")


_NO_DRIVER = "needs a driver that is not installed: for PostgreSQL, install candor-cdp[postgres]"


def _reflected(request: PullRequest, pull: SqlPull, engine: Any) -> Any:
    """The table as the database describes it, with every column that is named."""
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    try:
        metadata = sa.MetaData(schema=pull.schema_)
        table = sa.Table(pull.table, metadata, autoload_with=engine, resolve_fks=False)
    except sa.exc.NoSuchTableError:
        place = f" in schema {pull.schema_!r}" if pull.schema_ else ""
        problem = f"the database has no table {pull.table!r}{place}: correct sources.yml"
        raise PullRefusedError(request.name, problem) from None
    mapped = {name.split(".")[0] for name in wanted_columns(request.source)}
    named = {*mapped, *(pull.columns or ()), *([pull.cursor] if pull.cursor else ())}
    there = set(pull.columns or named) & set(table.columns.keys())
    lacking = sorted(named - there)
    if lacking:
        raise PullRefusedError(
            request.name,
            f"no column {', '.join(map(repr, lacking))} in what is read of table {pull.table!r}: "
            "correct the mapping, cursor or columns in sources.yml",
        )
    return table


def _incremental(request: PullRequest, pull: SqlPull, table: Any) -> Any:
    if pull.cursor is None:
        return None
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    kind = table.columns[pull.cursor].type
    if not isinstance(kind, sa.DateTime | sa.Date | sa.Integer):
        raise PullRefusedError(
            request.name,
            f"cursor {pull.cursor!r} is neither a time, a date nor a whole number: name a column "
            "that is, read a view that casts it, or leave cursor out: each pull then reads the "
            "whole table",
        )
    lag = -(-pull.overlap_s // _DAY_S) if isinstance(kind, sa.Date) else pull.overlap_s
    return load_dlt().sources.incremental(
        pull.cursor, primary_key=(), lag=lag, row_order="asc", on_cursor_value_missing="include"
    )


def _exact(query: Any, table: Any) -> Any:
    """Let the database itself write out what Arrow does not carry exactly."""
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    return query.with_only_columns(
        *(
            column if _is_carried(column.type) else sa.cast(column, sa.Text()).label(column.name)
            for column in table.columns
        )
    )


def _is_carried(kind: Any) -> bool:
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    return isinstance(
        kind, sa.Boolean | sa.Integer | sa.Date | sa.DateTime | sa.LargeBinary | sa.String
    )


def _is_json(kind: Any) -> bool:
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    return isinstance(kind, sa.JSON)


def _is_number(kind: Any) -> bool:
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    return isinstance(kind, sa.Numeric | sa.Float)


def _text() -> Any:
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    return sa.Text()


def _type_name(kind: Any, engine: Any) -> str:
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    try:
        return str(kind.compile(dialect=engine.dialect))
    except sa.exc.CompileError:  # a type of an extension
        return "unknown"


def told(source: str, error: BaseException, secret: str) -> PullError | None:
    """An error of the database in our words; None where it is another kind of error.

    Its own words are not used: they may show a value of a row, or the URL.
    """
    import sqlalchemy as sa  # noqa: PLC0415 - comes with dlt

    if not isinstance(error, sa.exc.SQLAlchemyError):
        return None
    state = _sqlstate(error)
    help_ = _WHAT_TO_DO.get(state[:2])
    if help_ is not None:
        return PullRefusedError(source, f"SQLSTATE {state}: {help_.format(secret=secret)}")
    code = f" (SQLSTATE {state})" if state else ""
    return PullUnavailableError(
        source,
        f"the database that {secret} names cannot be reached or read{code}: look whether it runs and "
        "whether the URL is right",
    )


def _sqlstate(error: BaseException) -> str:
    """The five signs of SQLSTATE, where the driver tells them."""
    original = getattr(error, "orig", None)
    first = original.args[0] if original is not None and original.args else None
    found = first.get("C") if isinstance(first, dict) else getattr(original, "sqlstate", None)
    return found if isinstance(found, str) and len(found) == 5 and found.isalnum() else ""
