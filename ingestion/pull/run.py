"""Pull every source that comes from an API or a database into the landing folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ingestion.errors import PullError, PullRefusedError
from ingestion.pull.columns import ColumnChanges, compare_columns, remember_columns
from ingestion.pull.engine import Extracted, extract, load_dlt
from ingestion.pull.feed import Feed, PullRequest, wanted_columns
from ingestion.pull.hubspot import open_hubspot
from ingestion.pull.land import Landed, land
from ingestion.pull.rest import told as told_of_http
from ingestion.pull.salesforce import open_salesforce
from ingestion.pull.sql import open_sql
from ingestion.pull.sql import told as told_of_database
from ingestion.pull.state import PullFolder, PullState, pull_folder, remove_leftovers
from ingestion.pull_config import HubspotPull, SalesforcePull, SqlPull
from settings import MissingSecretError
from warehouse import DuckDBWarehouse

if TYPE_CHECKING:
    from ingestion.config import SourcesConfig


@dataclass(frozen=True, slots=True)
class PullReport:
    """What one pull of one source brought; counts and names, no value of a row.

    Attributes:
        source: Name of the source.
        rows: Rows that were read; those that were landed before are among them.
        files: Names of the new landing files, relative to the landing folder.
        is_full: Whether everything was read, not only what is new.
        changes: Columns that differ from the last pull.
        failure: Why nothing was landed; None where the pull succeeded.
    """

    source: str
    rows: int = 0
    files: tuple[str, ...] = ()
    is_full: bool = False
    changes: ColumnChanges = field(default_factory=ColumnChanges)
    failure: str | None = None


def pull_sources(
    config: SourcesConfig,
    landing: Path,
    home: Path,
    *,
    now: datetime,
    environ: Mapping[str, str],
    only: Collection[str] | None = None,
) -> tuple[PullReport, ...]:
    """Pull what is new of every source with ``pull``, into files of the landing folder.

    A source that cannot be pulled says so in its report; the others go on. The next pull of a
    source begins where the last one that succeeded ended, a little before. Killed at any moment,
    a pull has landed whole files or none, and what it did not finish comes again.

    Args:
        config: What is pulled.
        landing: Where the files go.
        home: The data home; how far each source is pulled is kept in it.
        now: When the pull begins, UTC without a zone.
        environ: Where the secrets are.
        only: Names of the sources to pull; all, where it is None.

    Returns:
        One report per source, in the order of the configuration.
    """
    remove_leftovers(home)
    return tuple(
        _pull_source(PullRequest(name, config.sources[name], environ, now), landing, home)  # type: ignore[arg-type]
        for name in pulled_sources(config)
        if only is None or name in only
    )


def pulled_sources(config: SourcesConfig) -> tuple[str, ...]:
    """Names of the sources that come from an API or a database."""
    return tuple(
        name for name, source in config.sources.items() if getattr(source, "pull", None) is not None
    )


def forget_pulls(home: Path, sources: Collection[str]) -> None:
    """Let the next pull of these sources begin from the first row; what is landed stays."""
    for name in sources:
        pull_folder(home, name).forget()


def _pull_source(request: PullRequest, landing: Path, home: Path) -> PullReport:
    folder = pull_folder(home, request.name)
    try:
        return _pull(request, landing, folder)
    except (PullError, MissingSecretError) as error:
        return PullReport(request.name, failure=str(error))


def _pull(request: PullRequest, landing: Path, folder: PullFolder) -> PullReport:
    state = folder.read(request.fingerprint)
    with folder.working() as work:
        feed, extracted = _extract(request, work, state)
        landed = land(
            DuckDBWarehouse.in_memory(), feed, extracted,
            stem=_stem(request, landing), known=state.digests,
        )  # fmt: skip
    # Only now: what is not durable in the landing folder must be asked for again.
    folder.write(_state_after(state, extracted.state, landed))
    wanted = wanted_columns(request.source)
    return PullReport(
        source=request.name,
        rows=landed.rows,
        files=tuple(path.relative_to(landing).as_posix() for path in landed.files),
        is_full=state.dlt is None or not _is_incremental(request),
        changes=compare_columns(state.columns, landed.columns, wanted)
        if landed.rows
        else ColumnChanges(),
    )


def _extract(request: PullRequest, work: Path, state: PullState) -> tuple[Feed, Extracted]:
    """Read what is new.

    Raises:
        PullError: It cannot be read; says why without a word of the other side.
    """
    load_dlt()
    from dlt.common.exceptions import DltException  # noqa: PLC0415 - see load_dlt
    from requests import RequestException  # noqa: PLC0415 - comes with dlt
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - comes with dlt

    try:
        return extract(lambda: _open(request), work, state.dlt, started_at=request.started_at)
    except (DltException, RequestException, SQLAlchemyError, pa.ArrowException) as error:
        told = _told(request, error)
    # Outside of the handler: a log of the error would show what it came from, and that may quote
    # a row or a secret.
    raise told


def _open(request: PullRequest) -> Feed:
    pull = request.source.pull
    if isinstance(pull, HubspotPull):
        return open_hubspot(request, pull)
    if isinstance(pull, SalesforcePull):
        return open_salesforce(request, pull)
    assert pull is not None  # noqa: S101 - for mypy: only pulled sources are asked for
    return open_sql(request, pull)


def _told(request: PullRequest, error: BaseException) -> PullError:
    """What ended the pull, in our words."""
    chain = tuple(_chain(error))
    for cause in chain:
        if isinstance(cause, PullError):
            return cause
    for cause in chain:
        for tell in (told_of_http, told_of_database):
            told = tell(request.name, cause, _secrets(request))
            if told is not None:
                return told
    column = next((f" in column {c.field_name!r}" for c in chain if hasattr(c, "field_name")), "")
    return PullRefusedError(
        request.name,
        f"a value{column} is not what the type of its column says: correct it there, ask for other "
        "columns, or read a view that casts it",
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _secrets(request: PullRequest) -> str:
    """The environment variables that a source's secrets come from."""
    assert request.source.pull is not None  # noqa: S101 - as above
    told = request.source.pull.model_dump()
    names = [told[name] for name in sorted(told) if name.endswith("_env") and told[name]]
    return " and ".join(names)


def _stem(request: PullRequest, landing: Path) -> Path:
    """Where the files go: a folder per source and day, files in the order of pulling."""
    pull = request.source.pull
    what = pull.table if isinstance(pull, SqlPull) else getattr(pull, "object", "")
    name = f"{request.now:%H%M%S}-{re.sub(r'[^A-Za-z0-9_-]+', '_', what)}"
    return landing / request.name / f"{request.now:%Y-%m-%d}" / name


def _is_incremental(request: PullRequest) -> bool:
    pull = request.source.pull
    return not isinstance(pull, SqlPull) or pull.cursor is not None


def _state_after(state: PullState, dlt_state: str, landed: Landed) -> PullState:
    after = replace(state, dlt=dlt_state)
    if not landed.rows:
        return after
    return replace(
        after,
        columns=remember_columns(state.columns, landed.columns),
        digests=landed.digests,
    )
