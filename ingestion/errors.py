"""Exceptions raised by the ingestion package.

* IngestionError
  - MissingSourceError
  - EmptySourceError
  - WrongColumnError
  - WrongFilesError
  - UnreadableFileError
  - UnknownDayError
  - UnknownRowError
  - UnknownSourceError
  - UnknownRetentionSourceError
  - ReadOnlyLandingError
  - PullError
    - PullRefusedError
    - PullUnavailableError
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

# A wrong mapping makes every file of years wrong; the first ones tell it.
_MOST_FILES = 20


def shown_name(file: str) -> str:
    """The name of a landing file as a message has it: what has an address in it is a pattern.

    Messages of a run are kept by Dagster, where no erasure looks for the names of files.
    """
    return "/".join("*@*" if "@" in part else part for part in file.split("/"))


class IngestionError(Exception):
    """Landing files cannot be loaded, or not rewritten."""


class MissingSourceError(IngestionError, FileNotFoundError):
    """Declared sources have no file; all such sources at once."""

    def __init__(self, missing: Mapping[str, Sequence[str]], landing: Path) -> None:
        self.sources = tuple(missing)
        super().__init__(*self.sources)
        listed = "; ".join(
            f"source {name!r}: no file matches {', '.join(map(repr, patterns))}"
            for name, patterns in missing.items()
        )
        self._message = (
            f"{listed}, in the landing folder {landing}: put the files there, correct `files` in "
            "sources.yml (or --landing), or set `optional: true`"
            if landing.is_dir()
            else f"there is no landing folder {landing}: name it with --landing (CANDOR_LANDING), or "
            f"make it and put the files of {', '.join(map(repr, missing))} there"
        )

    def __str__(self) -> str:
        return self._message


class EmptySourceError(IngestionError, ValueError):
    """A declared source has files, and no row in any of them."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.sources = tuple(sources)
        listed = ", ".join(map(repr, sources))
        super().__init__(
            f"source {listed}: the files hold no row: look whether the export was cut off, put a "
            "whole one in the landing folder, or set `optional: true` in sources.yml"
        )


class WrongColumnError(IngestionError, ValueError):
    """A file lacks columns that its source maps; ``found`` is empty where it has none of them."""

    def __init__(
        self,
        source: str,
        file: str,
        missing: Sequence[str],
        found: Sequence[str],
        *,
        delimiter: str | None = None,
    ) -> None:
        self.source, self.file, self.missing = source, file, tuple(missing)
        # Without a header the first row would be shown, and it may be somebody's.
        has = f"the file has {', '.join(found)}" if found else "is its first line a header?"
        to_do = "correct the mapping in sources.yml, or the file"
        if delimiter is not None:
            has = f"the columns seem to be separated by {delimiter!r}"
            to_do = f"write `delimiter: {json.dumps(delimiter)}` under the source in sources.yml"
        super().__init__(
            f"source {source!r}, file {shown_name(file)}: no column {', '.join(map(repr, missing))}; "
            f"{has}: {to_do}"
        )


class UnknownSourceError(IngestionError, LookupError):
    """Neither sources.yml nor anything that was loaded knows the source."""

    def __init__(self, source: str, known: Sequence[str]) -> None:
        self.source, self.known = source, tuple(known)
        super().__init__(f"there is no source {source!r}: known are {', '.join(known) or 'none'}")


class WrongFilesError(IngestionError, ValueError):
    """Several files lack columns that their sources map; the others are loaded."""

    def __init__(self, errors: Sequence[WrongColumnError]) -> None:
        self.errors = tuple(errors)
        shown = [f"\n  - {error}" for error in errors[:_MOST_FILES]]
        left = len(errors) - len(shown)
        rest = f"\n  - and {left} files more" if left else ""
        super().__init__(f"{len(errors)} files lack mapped columns:{''.join(shown)}{rest}")


class UnreadableFileError(IngestionError):
    """A file cannot be read as what its name says."""

    def __init__(self, file: str, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(
            f"{shown_name(file)} cannot be read: {reason}; repair or remove it, then run again"
        )


class UnknownDayError(IngestionError, ValueError):
    """Nothing was loaded of a day, or nothing of it was dropped."""

    def __init__(self, day: date, source: str | None, *, dropped: bool = False) -> None:
        self.day, self.source = day, source
        of = f" of source {source!r}" if source else ""
        what = "is not dropped" if dropped else "brought no file that is loaded"
        super().__init__(f"{day}{of} {what}: `candor day list` shows the days")


class UnknownRowError(IngestionError, ValueError):
    """A refused row that is asked for is not there, or cannot be shown."""

    def __init__(self, file: str, line: int, why: str) -> None:
        self.file, self.line = file, line
        super().__init__(f"{file}, line {line}: {why}: `candor quarantine show` lists refused rows")


class UnknownRetentionSourceError(IngestionError, ValueError):
    """retention.yml names sources that sources.yml does not."""

    def __init__(self, unknown: Sequence[str], known: Sequence[str]) -> None:
        self.unknown = tuple(unknown)
        super().__init__(
            f"retention.yml names sources under landing that sources.yml does not: "
            f"{', '.join(unknown)}; there are {', '.join(known)}; no file was removed"
        )


class ReadOnlyLandingError(IngestionError, PermissionError):
    """An erasure must rewrite a landing file that it may not write."""

    def __init__(self, file: str) -> None:
        self.file = file
        super().__init__(shown_name(file))

    def __str__(self) -> str:
        return (
            f"{shown_name(self.file)} may not be written: give Candor write access to the landing folder, or "
            "declare `erase: report` for its source and remove the person's rows there yourself"
        )


class PullError(IngestionError):
    """A source cannot be pulled from its API or database; what was landed before stays."""

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        super().__init__(f"source {source!r}: {problem}")


class PullRefusedError(PullError):
    """The other side, or what it has, does not fit the configuration; asking again is in vain."""


class PullUnavailableError(PullError):
    """The other side does not answer as it should; a later pull may succeed."""

    def __init__(self, source: str, what: str) -> None:
        super().__init__(source, f"{what}; pull again later, it goes on from where the last ended")
