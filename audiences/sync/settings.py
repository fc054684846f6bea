"""What all destinations are told in ``config/destinations.yml``; each adds its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    HttpUrl,
    ValidationInfo,
    field_validator,
    model_validator,
)

from audiences.sync.forms import IdentifierType
from settings import StrictModel, misfit

_VARIABLE = r"^[A-Z][A-Z0-9_]*$"


def _hide_secret(value: object) -> object:
    """Keep a secret that was pasted here by mistake out of the error message."""
    return value if isinstance(value, str) and re.match(_VARIABLE, value) else "(hidden)"


def _hide_userinfo(value: object) -> object:
    """Keep a password inside an address out of the error message; such an address is refused."""
    is_secret = isinstance(value, str) and "@" in value.partition("://")[2].partition("/")[0]
    return "(an address with a user or password; use secret_env)" if is_secret else value


VariableName = Annotated[
    str,
    BeforeValidator(_hide_secret),
    Field(
        pattern=_VARIABLE, description="Name of an environment variable, never the secret itself."
    ),
]
Url = Annotated[HttpUrl, BeforeValidator(_hide_userinfo)]


class DestinationSettings(StrictModel):
    """What all destinations have.

    Attributes:
        accepts: Of each type of identifier that the destination takes, the forms, the usual first.
        chooses_form: Whether a sync may leave the form to the destination.
        needs_target: What the target of a sync names there; None where there is nothing to name.
        target_pattern: What a target looks like.
        consent_fields: Fields there that hold a consent, which no sync may set.
    """

    accepts: ClassVar[Mapping[IdentifierType, tuple[str, ...]]] = {
        "email": ("sha256", "raw", "google", "uid2", "meta"),
        "phone": ("sha256", "raw", "google", "uid2", "meta"),
        "person_id": ("raw", "sha256"),
        "uid2": ("raw",),
        "tdid": ("raw",),
        "maid": ("raw",),
    }
    chooses_form: ClassVar[bool] = False
    needs_target: ClassVar[str | None] = None
    target_pattern: ClassVar[str] = r".+"
    consent_fields: ClassVar[frozenset[str]] = frozenset()

    @property
    def refresh_days(self) -> int | None:
        """After how many days an unchanged member is sent again; None: never."""
        return None

    enabled: bool = Field(default=True, description="false: nothing is sent, nothing is opened.")
    purposes: list[str] = Field(
        default_factory=list,
        description="Consent purposes that this destination needs, beyond those of the audience.",
    )
    legal_basis: str | None = Field(
        None, min_length=1, description="Why no consent is needed, where purposes is empty."
    )

    minimum_size: int = Field(
        0,
        ge=0,
        description="With fewer members who can be sent, nobody new is sent; changes and removals are.",
    )

    @model_validator(mode="after")
    def _may_receive(self) -> Self:
        if not self.purposes and self.legal_basis is None:
            raise ValueError(
                "write at least one purpose under purposes, or say under legal_basis why no "
                "consent is needed"
            )
        return self


class WrittenSettings(DestinationSettings):
    """How files are written, wherever they go."""

    formulas: Literal["neutralise", "keep"] = Field(
        "neutralise",
        description="neutralise: cells that a spreadsheet would run get a leading apostrophe, "
        "and the manifest says so; keep: cells are written as they are.",
    )
    max_rows: int = Field(1_000_000, gt=0, description="Rows of one delta file.")


class FileSettings(WrittenSettings):
    """Files in a folder: the current members, and each run's changes."""

    kind: Literal["file"] = Field(description="file")
    folder: Path = Field(
        description="Where to write; a relative path starts in the data home's artifacts folder."
    )


class ServerSettings(DestinationSettings):
    """How patient to be with a server, and which addresses it may have."""

    timeout_s: float = Field(30.0, gt=0, description="Patience for one answer, in seconds.")
    allow_insecure_loopback: bool = Field(
        default=False,
        description="true: also without encryption, and only to this machine; for trials.",
    )
    allow_private_addresses: bool = Field(
        default=False, description="true: also addresses inside a private network."
    )


class HttpSettings(ServerSettings):
    """How often to ask a server that is busy."""

    max_attempts: int = Field(5, ge=1, le=20, description="Attempts for one request in one run.")
    max_wait_s: float = Field(
        60.0,
        ge=0,
        description="Longest pause between attempts, in seconds; a destination that "
        "asks for more is left to the next run.",
    )

    @field_validator("url", "base_url", "endpoint", check_fields=False)
    @classmethod
    def _is_encrypted(cls, url: HttpUrl | None, info: ValidationInfo) -> HttpUrl | None:
        if url is None or url.scheme == "https" or info.data.get("allow_insecure_loopback"):
            return url
        # A path may hold a token.
        raise misfit(
            (),
            f"{url.scheme}://{url.host}",
            "write https://; http:// is for trials with a server of this machine, beside "
            "allow_insecure_loopback: true",
        )


class PostgresSettings(ServerSettings):
    """A table in PostgreSQL; needs the extra candor-cdp[postgres]."""

    needs_target: ClassVar[str | None] = "the name of the table, made where it is missing"
    target_pattern: ClassVar[str] = r"[a-z_][a-z0-9_]{0,62}"

    kind: Literal["postgres"] = Field(description="postgres")
    host: str = Field(min_length=1, description="Name or address of the server.")
    port: int = Field(5432, gt=0, le=65_535, description="Its port.")
    database: str = Field(min_length=1, description="The database.")
    schema_: str = Field(
        "public", alias="schema", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="A schema of it."
    )
    user: str = Field(min_length=1, description="Who connects; may create tables in the schema.")
    password_env: VariableName = Field(description="Variable with the password.")
    max_rows: int = Field(10_000, gt=0, le=100_000, description="Rows of one transaction.")


class WebhookSettings(HttpSettings):
    """A signed HTTP request for each batch (Standard Webhooks)."""

    kind: Literal["webhook"] = Field(description="webhook")
    url: Url = Field(description="Where to send; https only, redirects are not followed.")
    secret_env: VariableName = Field(
        description="Environment variable that holds the signing secret, whsec_ and base64."
    )
    max_rows: int = Field(500, gt=0, le=10_000, description="Rows of one request.")


class VendorSettings(HttpSettings):
    """What all vendors' services have. The form of an identifier is the vendor's choice.

    Attributes:
        account_fields: Settings that, beside the address, tell where members are put there.
        tells_audiences_apart: Whether a target tells by which audience somebody is in it, so that
            syncs can share one.
    """

    chooses_form: ClassVar[bool] = True
    account_fields: ClassVar[tuple[str, ...]] = ()
    tells_audiences_apart: ClassVar[bool] = False

    account_label: str | None = Field(
        None,
        min_length=1,
        description="Your name for the account that the secrets open, where nothing else here tells "
        "it from others. The first label names where the members are already and moves nothing; "
        "another one after it is another place. Write it before you move.",
    )
    base_url: Url | None = Field(
        None, description="Another address of the service, such as a proxy; usually left out."
    )
    requests_per_minute: int | None = Field(
        None, gt=0, description="Most requests a minute, where your contract has another limit."
    )
    max_rows: int | None = Field(
        None, gt=0, description="Rows of one batch; never more than the vendor allows."
    )
    max_splits: int = Field(
        500,
        ge=0,
        description="How often a batch is halved to find the rows that a vendor refuses without "
        "naming them; rows beyond that count as undecided and are sent again.",
    )
    max_polls: int = Field(
        60,
        ge=1,
        description="How often to ask for the result of a job before the next run does. Where a job "
        "only counts what failed, a batch is no longer halved after so many questions about all its "
        "jobs, and after twice as many none is asked about.",
    )


class AdvertiserSettings(VendorSettings):
    """What services have that show advertisements to an audience as a whole."""

    minimum_size: int = Field(
        100,  # a careful choice of ours; LinkedIn and TikTok have the numbers that they publish
        ge=0,
        description="With fewer members who can be sent, nobody new is sent, as the figures of a small "
        "audience tell who is in it; changes and removals are. 0 sends any.",
    )
