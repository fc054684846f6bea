"""Files in a bucket, at Amazon S3 or at what speaks its protocol; ``files`` tells which.

boto3 writes and signs the requests and reads the answers; they travel by our own exchange, which
judges the address, keeps to Retry-After, and connects to no other place.

Source: Amazon S3 API reference, "PutObject" (If-None-Match) and "ListObjectVersions".
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import io
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from audiences.errors import DestinationError, DestinationRefusedError, DestinationUnavailableError
from audiences.sync.destinations.base import Sleep, fingerprint_of
from audiences.sync.destinations.exchange import Answer, Exchange, Meaning, Outgoing, Verdict
from audiences.sync.destinations.files import FilesDestination, Store
from audiences.sync.settings import HttpSettings, Url, VariableName, WrittenSettings

MOST_BYTES = 5 * 1024**3  # of one object that is put in one request
_CODE = re.compile(r"^[A-Za-z]{1,64}$")  # no digits: an answer must not smuggle in a value
# Whatever we send next meets the same: the account, its rights, the bucket.
_FINAL = frozenset({
    "AccessDenied", "AccountProblem", "AllAccessDisabled", "AuthorizationHeaderMalformed",
    "ExpiredToken", "InvalidAccessKeyId", "InvalidBucketName", "InvalidToken", "NoSuchBucket",
    "PermanentRedirect", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
})  # fmt: skip
# The service keeps no versions, so that there is none to remove.
_NO_VERSIONS = frozenset({"NotImplemented", "MethodNotAllowed"})


class S3Settings(HttpSettings, WrittenSettings):
    """Files in a bucket; needs the extra candor-cdp[s3]."""

    kind: Literal["s3"] = Field(description="s3")
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="The bucket.")
    region: str = Field(pattern=r"^[a-z0-9-]{1,32}$", description="Its region.")
    folder: str = Field(
        "", pattern=r"^([A-Za-z0-9_=.-]+/)*$", description="Begin of every key; ends with a slash."
    )
    endpoint: Url | None = Field(
        None, description="Address of the service, where it is not Amazon's; https only."
    )
    path_style: bool = Field(
        default=False, description="true: the bucket stands in the path, not in the host's name."
    )
    create_only: bool = Field(
        default=True,
        description="false: for services that do not know If-None-Match; what is there is read first.",
    )
    access_key_id_env: VariableName = Field(description="Variable with the id of the key.")
    secret_access_key_env: VariableName = Field(description="Variable with the key.")
    session_token_env: VariableName | None = Field(
        None, description="Variable with the token of a session, where keys are temporary."
    )


@dataclass(frozen=True)  # without slots: it keeps its session
class S3Destination(FilesDestination):
    """A bucket of CSV files.

    Attributes:
        key: Its key in the configuration.
        settings: Where it is.
        secrets: The values of the variables, by the name of their setting.
        exchange: Carries the requests.
    """

    key: str
    settings: S3Settings
    secrets: Mapping[str, str] = field(repr=False)
    exchange: Exchange = field(repr=False)

    @property
    def place(self) -> str:
        """Fingerprint of where it is."""
        at = self.settings
        return fingerprint_of(at.endpoint, at.bucket, at.folder)

    @property
    def max_rows(self) -> int:  # type: ignore[override] # nobody sets it
        """Most rows of one delta file."""
        return self.settings.max_rows

    @property
    def neutralises(self) -> bool:  # type: ignore[override] # nobody sets it
        """Whether cells that a spreadsheet would run are escaped."""
        return self.settings.formulas == "neutralise"

    @contextmanager
    def opened(self, sleep: Sleep | None) -> Iterator[Store]:
        """The objects of the bucket.

        Raises:
            DestinationUnavailableError: Nobody knows what came of it.
            DestinationRefusedError: The service refused, or its address is not safe.
        """
        botocore = _library(self.key, "botocore.exceptions")
        try:
            with self._client(sleep) as client:
                yield _Bucket(client, self.key, self.settings)
        except botocore.ClientError as error:
            raise self._failure(error.response) from error
        except botocore.IncompleteReadError as error:
            raise DestinationUnavailableError(self.key, "IncompleteReadError") from error
        except botocore.BotoCoreError as error:
            code = type(error).__name__
            raise DestinationRefusedError(self.key, code, is_final=True) from error

    def _failure(self, response: Mapping[str, Any]) -> DestinationError:
        """By the code alone: the words may name a key."""
        said = str(response.get("Error", {}).get("Code", ""))
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = said if _CODE.match(said) else f"http_{status}"
        is_final = said in _FINAL or status in {401, 403, 404}
        return DestinationRefusedError(self.key, code, is_final=is_final)

    @contextmanager
    def _client(self, sleep: Sleep | None) -> Iterator[Any]:
        exchange = self.exchange
        if sleep is None:  # asked once: nobody waits here
            impatient = self.settings.model_copy(update={"max_attempts": 1, "max_wait_s": 0.0})
            exchange = dataclasses.replace(exchange, settings=impatient)
        with exchange.clients() as clients:

            def carry(request: Any, **_: Any) -> Any:
                outgoing = _outgoing(request)
                answer, _verdict, _attempts = exchange.send(
                    outgoing, judge=_judged(exchange), clients=clients, sleep=sleep or _never
                )
                return _as_botocore(self.key, request.url, answer)

            client = self._made()
            client.meta.events.register("before-send.s3", carry)
            yield client

    def _made(self) -> Any:
        """A client that tries once: the exchange tries again, and knows how long to wait."""
        config = _library(self.key, "botocore.config").Config(
            ignore_configured_endpoint_urls=True,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"total_max_attempts": 1},
            s3={
                "addressing_style": "path" if self.settings.path_style else "auto",
                "payload_signing_enabled": True,
            },
        )
        endpoint = self.settings.endpoint and str(self.settings.endpoint)
        return self._session.client("s3", endpoint_url=endpoint, config=config)

    @functools.cached_property
    def _session(self) -> Any:
        """Kept, as it reads descriptions of the service for a third of a second."""
        # It logs requests, with their keys, to whoever listens to everything.
        logging.getLogger("botocore").setLevel(logging.WARNING)
        return _library(self.key, "boto3.session").Session(
            aws_access_key_id=self.secrets["access_key_id_env"],
            aws_secret_access_key=self.secrets["secret_access_key_env"],
            aws_session_token=self.secrets.get("session_token_env"),
            region_name=self.settings.region,
        )


@dataclass(frozen=True, slots=True)
class _Bucket:
    """The objects under the configured folder; a ``Store``."""

    client: Any
    key: str
    settings: S3Settings

    def read(self, name: str) -> bytes | None:
        try:
            answer = self.client.get_object(**self._object(name))
        except self.client.exceptions.NoSuchKey:
            return None
        return bytes(answer["Body"].read())

    def put(self, name: str, body: bytes) -> None:
        self.client.put_object(**self._object(name), Body=body, **_CONTENT)

    def create(self, name: str, body: bytes) -> None:
        if self.settings.create_only:
            with _unless(self.client, "PreconditionFailed"):
                self.client.put_object(**self._object(name), Body=body, IfNoneMatch="*", **_CONTENT)
                return
        found = self.read(name)
        if found is None:
            self.put(name, body)
        elif found != body:
            raise DestinationRefusedError(self.key, "another_body_is_there", is_final=False)

    def names(self, folder: str) -> list[str]:
        start = len(self.settings.folder)
        pages = self.client.get_paginator("list_objects_v2").paginate(**self._under(folder))
        return sorted(item["Key"][start:] for page in pages for item in page.get("Contents", ()))

    def sweep(self, folder: str) -> None:
        """Earlier versions hold whoever was taken out of the later ones."""
        if not self._may_have_versions():
            return
        pages = self.client.get_paginator("list_object_versions").paginate(**self._under(folder))
        for page in pages:
            for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if not item["IsLatest"]:
                    self.client.delete_object(
                        Bucket=self.settings.bucket, Key=item["Key"], VersionId=item["VersionId"]
                    )

    def _may_have_versions(self) -> bool:
        with _unless(self.client, *_NO_VERSIONS):
            found = self.client.get_bucket_versioning(Bucket=self.settings.bucket)
            return "Status" in found
        return False

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self.settings.bucket, "Key": f"{self.settings.folder}{name}"}

    def _under(self, folder: str) -> dict[str, str]:
        return {"Bucket": self.settings.bucket, "Prefix": f"{self.settings.folder}{folder}"}


_CONTENT = {"ContentType": "application/octet-stream"}


@contextmanager
def _unless(client: Any, *codes: str) -> Iterator[None]:
    """Go on where the service answers one of these codes."""
    try:
        yield
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


def _outgoing(request: Any) -> Outgoing:
    """A signed request as our exchange sends it."""
    left_out = {"expect", "content-length", "host"}  # hop by hop, or written by the exchange
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
        if name.lower() not in left_out
    }
    body = request.body or b""
    return Outgoing(
        request.method,
        request.url,
        body if isinstance(body, bytes) else bytes(body.read()),
        lambda: headers,
    )


def _judged(exchange: Exchange) -> Any:
    """Only what is worth another try is ours to judge; the rest boto3 reads."""

    def judge(answer: Answer) -> Verdict:
        verdict = exchange.judge(answer)
        is_unknown = answer.status == 501  # NotImplemented stays so
        return Verdict(Meaning.TAKEN, verdict.code) if is_unknown else verdict

    return judge


def _as_botocore(key: str, url: str, answer: Answer) -> Any:
    response = _library(key, "botocore.awsrequest").AWSResponse
    return response(url, answer.status, answer.headers, _Body(answer.body))


class _Body(io.BytesIO):
    """A body as botocore reads one from a connection."""

    def stream(self) -> Iterator[bytes]:
        """All that is left of it."""
        yield self.read()


def _never(_seconds: float) -> None:
    raise AssertionError("asked once")


def _library(key: str, name: str) -> Any:
    try:
        return importlib.import_module(name)  # an extra that not everybody installs
    except ImportError as error:
        code = "install candor-cdp[s3]"
        raise DestinationRefusedError(key, code, is_final=True) from error
