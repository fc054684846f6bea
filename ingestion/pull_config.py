"""What a user writes about a source that is pulled from an API or a database."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from settings import StrictModel

# Ends in a file that is pulled: one JSON object a line, gzipped.
PULLED_FILES = "**/*.jsonl.gz"

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _encrypted(url: str) -> str:
    """A token never travels in the clear, except to this very machine."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("write scheme and host, such as https://api.example.com, and nothing else")
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url.rstrip("/")
    raise ValueError("use https://: the token would travel in the clear")


BaseUrl = Annotated[str, AfterValidator(_encrypted)]
Variable = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
# These stand in URLs and queries of the other side, and in names of files.
ApiName = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_-]*$")]
FieldPath = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_.]*$")]

_OVERLAP = (
    "Each pull begins this many seconds before the newest change that it knows: what became visible "
    "late is found, what comes twice is dropped."
)


class HubspotPull(StrictModel):
    """Objects of HubSpot's CRM API v3, changed ones first to last, and archived ones."""

    from_: Literal["hubspot"] = Field(alias="from", description="HubSpot's CRM API v3.")
    object: ApiName = Field("contacts", description="contacts, companies, deals or another object.")
    token_env: Variable = Field(
        "HUBSPOT_TOKEN", description="Environment variable with the token of a private app."
    )
    properties: list[FieldPath] = Field(
        default_factory=list,
        description="Properties to ask for beside those that the source maps as properties.NAME.",
    )
    archived: bool = Field(default=True, description="Whether archived objects are pulled too.")
    overlap_s: int = Field(300, ge=0, description=_OVERLAP)
    base_url: BaseUrl = Field("https://api.hubapi.com", description="Where the API is.")


class SalesforcePull(StrictModel):
    """Objects of Salesforce, read by SOQL; deleted ones too, marked by IsDeleted."""

    from_: Literal["salesforce"] = Field(alias="from", description="Salesforce's REST API.")
    object: ApiName = Field("Contact", description="Contact, Account, Opportunity or another.")
    base_url: BaseUrl = Field(description="Your domain, such as https://company.my.salesforce.com.")
    token_env: Variable | None = Field(
        None, description="Environment variable with an access token; or the two below."
    )
    client_id_env: Variable | None = Field(
        None, description="Environment variable with the id of a connected app ..."
    )
    client_secret_env: Variable | None = Field(
        None, description="... and the one with its secret (OAuth client credentials)."
    )
    fields: list[FieldPath] = Field(
        default_factory=list, description="Fields to ask for beside those that the source maps."
    )
    api_version: str = Field("v62.0", pattern=r"^v\d{2,3}\.0$", description="Version of the API.")
    overlap_s: int = Field(300, ge=0, description=_OVERLAP)

    @model_validator(mode="after")
    def _has_one_way_in(self) -> Self:
        pair = (self.client_id_env, self.client_secret_env)
        if self.token_env is not None and pair == (None, None):
            return self
        if self.token_env is None and None not in pair:
            return self
        raise ValueError("write token_env, or client_id_env and client_secret_env")


class SqlPull(StrictModel):
    """A table or view of a database that SQLAlchemy speaks to."""

    from_: Literal["sql"] = Field(alias="from", description="A database.")
    url_env: Variable = Field(
        description="Environment variable with SQLAlchemy's URL of the database: "
        "postgresql://user:password@host/database."
    )
    table: str = Field(min_length=1, description="Name of the table or view.")
    schema_: str | None = Field(None, alias="schema", description="Its schema.")
    cursor: str | None = Field(
        None,
        description="Column with the time of the last change (or a number that only grows): only "
        "what is new is read. Without it each pull reads the whole table.",
    )
    columns: list[str] | None = Field(
        None, min_length=1, description="Columns to read; all, where nothing is said."
    )
    overlap_s: int = Field(
        300, ge=0, description=f"{_OVERLAP} Whole days of a date; of a number, so many."
    )


Pull = Annotated[HubspotPull | SalesforcePull | SqlPull, Field(discriminator="from_")]


def pulled_pattern(source: str) -> str:
    """Where the files of a pulled source lie, below the landing folder."""
    return f"{source}/{PULLED_FILES}"


def with_default_files(sources: object) -> object:
    """Give every pulled source that names no files those that its pull writes."""
    if not isinstance(sources, dict):
        return sources
    return {
        name: {**source, "files": [pulled_pattern(name)]}
        if isinstance(source, dict) and "pull" in source and "files" not in source
        else source
        for name, source in sources.items()
    }
