"""OpenDSR 2.0 request bodies, as they lie in a file with one request per line.

The file is the only place where a request's raw identity is stored; an erasure rewrites it.

Source: https://github.com/opengdpr/OpenDSR, specification version 2.0, sections 5 and 7.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Literal
from uuid import UUID, uuid4

import pyarrow as pa
import pydantic
from pydantic import ConfigDict, Field

from identifiers import normalise_email, normalise_phone
from privacy.deadlines import OPT_OUT_DAYS, deadline, working_days_after
from privacy.errors import InvalidRequestError, UnusableIdentityError
from privacy.storage import replace_file, write_private
from privacy.strict_json import KeyTwiceError, bodies_in, lines_of, read_json
from warehouse import Trace


class IdentityType(StrEnum):
    """How a request names its person; the last four are ours; of a source record ``source|id``."""

    CUSTOMER_ID = "controller_customer_id"
    EMAIL = "email"
    ANDROID_ADVERTISING_ID = "android_advertising_id"
    ANDROID_ID = "android_id"
    FIRE_ADVERTISING_ID = "fire_advertising_id"
    IOS_ADVERTISING_ID = "ios_advertising_id"
    IOS_VENDOR_ID = "ios_vendor_id"
    MICROSOFT_ADVERTISING_ID = "microsoft_advertising_id"
    MICROSOFT_PUBLISHER_ID = "microsoft_publisher_id"
    ROKU_PUBLISHER_ID = "roku_publisher_id"
    ROKU_ADVERTISING_ID = "roku_advertising_id"
    PHONE = "phone"
    USER_ID = "user_id"
    ANONYMOUS_ID = "anonymous_id"
    SOURCE_RECORD = "source_record"


SUPPORTED = (
    IdentityType.CUSTOMER_ID,
    IdentityType.EMAIL,
    IdentityType.PHONE,
    IdentityType.USER_ID,
    IdentityType.ANONYMOUS_ID,
    IdentityType.SOURCE_RECORD,
)
# The last four are ours: OpenDSR 2.0 has no word for them.
RequestType = Literal[
    "erasure",
    "access",
    "portability",
    "objection",
    "profiling_objection",
    "do_not_sell_or_share",
    "objection_withdrawn",
]
Format = Literal["raw", "sha1", "md5", "sha256"]
HASHES = ("md5", "sha1", "sha256")


class SubjectIdentity(pydantic.BaseModel):
    """One identity of a request; its ``repr`` hides the value."""

    model_config = ConfigDict(frozen=True)

    identity_type: IdentityType
    identity_value: Annotated[str, Field(min_length=1, repr=False)]
    identity_format: Format

    def normalised(self, default_region: str) -> str:
        """The value as the warehouse spells it; a hash in lower case.

        Args:
            default_region: ISO country of phone numbers that are written without one.
        """
        value = self.identity_value.strip()
        if self.identity_format != "raw":
            return value.lower()
        if self.identity_type is IdentityType.EMAIL:
            return normalise_email(value) or value.lower()
        if self.identity_type is IdentityType.PHONE:
            return normalise_phone(value, default_region=default_region) or value
        return value

    def is_usable(self, default_region: str) -> bool:
        """Whether it may name somebody: what is no address or telephone number is sought nowhere.

        As text a few digits are found in everything that others did.

        Args:
            default_region: ISO country of phone numbers that are written without one.
        """
        value = self.identity_value.strip()
        if self.identity_format == "raw" and self.identity_type is IdentityType.EMAIL:
            return normalise_email(value) is not None
        if self.identity_format == "raw" and self.identity_type is IdentityType.PHONE:
            return normalise_phone(value, default_region=default_region) is not None
        return bool(value)


_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class SubjectRequest(pydantic.BaseModel):
    """One request body."""

    model_config = ConfigDict(frozen=True)

    regulation: Literal["gdpr", "ccpa"] = "gdpr"  # required, yet missing in the spec's own example
    subject_request_id: UUID
    subject_request_type: RequestType
    submitted_time: pydantic.AwareDatetime = Field(ge=_EARLIEST, lt=_LATEST)
    subject_identities: tuple[SubjectIdentity, ...] = Field(min_length=1)

    @pydantic.field_validator("subject_identities", mode="before")
    @classmethod
    def _as_list(cls, given: object) -> object:
        """Read mParticle's form, too: an object of identities by type, in place of a list."""
        if not isinstance(given, Mapping):
            return given
        return [_of_mparticle(kind, identity) for kind, identity in given.items()]

    @property
    def request_id(self) -> str:
        """The id as text, in lower case."""
        return str(self.subject_request_id)

    @property
    def submitted_at(self) -> datetime:
        """When the person asked, UTC without a zone."""
        return self.submitted_time.astimezone(UTC).replace(tzinfo=None)

    def asked_by(self, now: datetime) -> SubjectRequest:
        """The same, asked now at the latest: a clock that is wrong moves no deadline."""
        return self.model_copy(
            update={"submitted_time": min(self.submitted_time, now.replace(tzinfo=UTC))}
        )

    @property
    def due_at(self) -> datetime:
        """The legal deadline, counted from the day of asking, the earlier reading of the law."""
        if self.subject_request_type == "do_not_sell_or_share":
            return working_days_after(self.submitted_at, OPT_OUT_DAYS)
        return deadline(self.regulation, self.submitted_at)


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A file of request bodies, one per line; also a place to erase from.

    Attributes:
        path: The file; it need not exist.
        name: A name for receipts.
        default_region: ISO country of phone numbers that are written without one.
    """

    path: Path
    name: str
    default_region: str = "US"

    def read(self) -> tuple[SubjectRequest, ...]:
        """The requests whose identity is still in the file.

        Raises:
            InvalidRequestError: Some lines are no requests; all of them, without their values.
        """
        parsed = [_parse(number, body) for number, body in enumerate(self._lines(), start=1)]
        problems = tuple(item for item in parsed if isinstance(item, str))
        if problems:
            raise InvalidRequestError(self.path, problems)
        return tuple(item for item in parsed if isinstance(item, SubjectRequest))

    def replace(self, requests: Sequence[SubjectRequest]) -> None:
        """Write requests in place of what is there, in a file that only its owner may read."""
        bodies = (json.loads(request.model_dump_json()) for request in requests)
        write_private(self.path, _joined([json.dumps(body, sort_keys=True) for body in bodies]))

    def is_spent(self) -> bool:
        """Whether every request in the file is redacted; a line that is none keeps it."""
        return self.is_spent_without(())

    def fingerprint(self) -> str | None:
        """Changes when the file does; None while no request waits in it."""
        if self.is_spent():
            return None
        stat = self.path.stat()
        return f"{self.path}|{stat.st_size}|{stat.st_mtime_ns}"

    def refusals(self, keys: pa.Table) -> Sequence[str]:
        """Why lines that name these persons cannot be rewritten."""
        return self.why_unwritable() if self.naming(spellings(keys)) else ()

    def find(self, keys: pa.Table) -> Sequence[Trace]:
        """Count the requests that name these persons."""
        return (Trace(self.name, len(self.naming(spellings(keys)))),)

    def erase(self, keys: pa.Table) -> Sequence[Trace]:
        """Take the identities out of the requests that name these persons."""
        naming = self.naming(spellings(keys))
        self.redact(naming)
        return (Trace(self.name, len(naming)),)

    def naming(self, wanted: Collection[str]) -> frozenset[int]:
        """The lines, from 0, that name somebody by one of these spellings."""
        return self._lines_of(
            lambda request: any(
                identity.normalised(self.default_region) in wanted
                for identity in request.subject_identities
            )
        )

    def asked_by(self, request_ids: Collection[str]) -> frozenset[int]:
        """The lines, from 0, with these requests."""
        return self._lines_of(lambda request: request.request_id in request_ids)

    def why_unwritable(self) -> Sequence[str]:
        """Why the file cannot be rewritten; empty where it can."""
        try:
            with self.path.open("r+b"), TemporaryFile(dir=self.path.resolve().parent):
                return ()
        except OSError as error:
            return (f"{self.name} cannot be rewritten ({type(error).__name__})",)

    def settle(self, request_ids: Collection[str]) -> None:
        """Take the identities out of requests that are completed, also where nobody was found."""
        self.redact(self.asked_by(request_ids))

    def is_spent_without(self, numbers: Collection[int]) -> bool:
        """Whether no request is left once these lines are redacted; a line that is none keeps it."""
        lines = enumerate(self._lines())
        return all(number in numbers or _parse(number, line) is None for number, line in lines)

    def redact(self, numbers: Collection[int]) -> None:
        """Take the identities out of these lines."""
        if not numbers:
            return
        lines = [
            _redacted(line) if number in numbers else line
            for number, line in enumerate(self._lines())
        ]
        # Where the file is a link, what it points to is rewritten: the identity is there.
        target = self.path.resolve()
        replace_file(target, _joined(lines), mode=target.stat().st_mode & 0o777)

    def _lines(self) -> list[str]:
        if not self.path.exists():
            return []
        # Bytes that are no text stay as they are where other lines are rewritten.
        return lines_of(self.path.read_bytes().decode("utf-8", errors="surrogateescape"))

    def _lines_of(self, is_wanted: Callable[[SubjectRequest], bool]) -> frozenset[int]:
        return frozenset(
            number
            for number, line in enumerate(self._lines())
            if isinstance(request := _parse(number, line), SubjectRequest) and is_wanted(request)
        )


def read_bodies(path: Path) -> tuple[SubjectRequest, ...]:
    """Read request bodies from any file: one JSON object, a list of them, or one per line.

    Raises:
        InvalidRequestError: Some bodies are no requests; all of them, without their values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InvalidRequestError(path, ("there is no such file: check its name",)) from error
    except UnicodeDecodeError as error:
        raise InvalidRequestError(path, ("it is not text in UTF-8",)) from error
    except OSError as error:
        raise InvalidRequestError(path, (f"{error.strerror or type(error).__name__}",)) from error
    parsed = [_parse(number, body) for number, body in enumerate(bodies_in(text), start=1)]
    problems = tuple(item for item in parsed if isinstance(item, str))
    if problems or not parsed:
        raise InvalidRequestError(path, problems or ("no request is in it",))
    return tuple(item for item in parsed if isinstance(item, SubjectRequest))


def require_usable(identities: Sequence[SubjectIdentity], default_region: str) -> None:
    """Refuse a person whom the identities cannot name.

    Args:
        identities: What was given of one person.
        default_region: ISO country of phone numbers that are written without one.

    Raises:
        UnusableIdentityError: One is no address or telephone number; does not repeat it.
    """
    for identity in identities:
        if not identity.is_usable(default_region):
            raise UnusableIdentityError(identity.identity_type)


def make_request(
    identities: Sequence[SubjectIdentity],
    request_type: RequestType,
    *,
    regulation: Literal["gdpr", "ccpa"],
    now: datetime,
) -> SubjectRequest:
    """Make a request, as ``candor privacy erase`` does for a person who wrote in."""
    return SubjectRequest(
        regulation=regulation,
        subject_request_id=uuid4(),
        subject_request_type=request_type,
        submitted_time=now.replace(tzinfo=UTC),
        subject_identities=tuple(identities),
    )


def _of_mparticle(kind: str, identity: object) -> object:
    """One identity as the specification has it; what is missing stays so."""
    if not isinstance(identity, Mapping):
        return identity
    names = {"value": "identity_value", "encoding": "identity_format"}
    parts = {names[name]: part for name, part in identity.items() if name in names}
    return {"identity_type": kind, **parts}


def _parse(number: int, line: str) -> SubjectRequest | str | None:
    """The request; or None for an empty or redacted line; or what is wrong with it."""
    if not line.strip():
        return None
    try:
        line.encode()  # fails where the file's bytes are no UTF-8
        body = read_json(line)
        if isinstance(body, Mapping) and not isinstance(body.get("extensions", {}), Mapping):
            return f"line {number}: extensions is missing or not allowed"
        return None if _is_redacted(body) else SubjectRequest.model_validate(body)
    except (ValueError, RecursionError) as error:
        return f"line {number}: {_described(error)}"


def _described(error: ValueError | RecursionError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "not UTF-8"
    if isinstance(error, KeyTwiceError):
        return "a key stands twice in it"
    if not isinstance(error, pydantic.ValidationError):
        return "not JSON"
    found = {".".join(str(part) for part in item["loc"]) for item in error.errors()}
    # A list whose only part is wrong is told to be empty as well.
    places = (one for one in found if not any(other.startswith(f"{one}.") for other in found))
    return ", ".join(
        sorted({f"{place or 'the body'} is missing or not allowed" for place in places})
    )


_REDACTED = {"is_redacted": True}


def _is_redacted(body: object) -> bool:
    if not isinstance(body, Mapping) or body.get("subject_identities") != []:
        return False
    return bool(body.get("extensions", {}).get("candor") == _REDACTED)


def _redacted(line: str) -> str:
    """The request without its person; of other fields nobody knows whom they name, so they go."""
    known = json.loads(SubjectRequest.model_validate_json(line).model_dump_json())
    return json.dumps({**known, "subject_identities": [], "extensions": {"candor": _REDACTED}})


def spellings(keys: pa.Table) -> frozenset[str]:
    """Every way in which a request may name one of these keys."""
    values = {str(value) for value in keys["value"].to_pylist()}
    values |= {value.partition("|")[2] for value in values if "|" in value}
    return frozenset(values | {hashed(name, value) for name in HASHES for value in values})


def hashed(name: str, value: str) -> str:
    """A value as a request gives it in one of the hashes that it may use."""
    return hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest()


def _joined(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
