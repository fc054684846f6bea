"""Files in a bucket, on a service of our own: created once, signed, and gone with every version."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx
import pyarrow as pa
import pytest

from audiences import DestinationRefusedError, DestinationUnavailableError
from audiences.sync.config import DestinationsConfig
from audiences.sync.destinations import Batch, S3Destination
from audiences.sync.destinations.exchange import Exchange
from tests.destinations.servers import bucket_client, serving_s3

NOW = dt.datetime.fromisoformat("2026-03-02T09:30:00+00:00")
SECRETS = {"access_key_id_env": "secret-id", "secret_access_key_env": "secret-word"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving_s3() as found:
        yield found


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    found: Any = bucket_client(url)
    yield found
    for item in found.list_object_versions(Bucket="out").get("Versions", []):
        found.delete_object(Bucket="out", Key=item["Key"], VersionId=item["VersionId"])


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a test never sleeps")


def _open(url: str, transport: httpx.BaseTransport | None = None, **changes: Any) -> S3Destination:
    given = {
        "kind": "s3", "legal_basis": "a test", "bucket": "out", "region": "us-east-1",
        "endpoint": url, "access_key_id_env": "A", "secret_access_key_env": "B",
        "allow_insecure_loopback": True, "max_attempts": 1, "folder": "cdp/", **changes,
    }  # fmt: skip
    found = DestinationsConfig.model_validate({"destinations": {"it": given}}).destinations["it"]
    exchange = Exchange("it", found, lambda: NOW, lambda _h, _p: ["127.0.0.1"], transport)
    return S3Destination("it", found, SECRETS, exchange)  # type: ignore[arg-type]


def _batch(names: list[str], batch_id: str = "b_1", operation: str = "add") -> Batch:
    rows = pa.table(
        {
            "row_id": [f"r_{name}" for name in names],
            "operation": [operation] * len(names),
            "payload": pa.nulls(len(names), pa.string()),
            "name": names,
        }
    )
    return Batch(batch_id, "to_it", "everyone", ("name",), rows)


def _put(bucket: S3Destination, names: list[str], batch_id: str = "b_1") -> None:
    bucket.send(bucket.plan(_batch(names, batch_id)), sleep=_no_sleep)


def _keys(client: Any) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket="out").get("Contents", [])]


def test_keys_follow_from_sync_and_batch(url: str, client: Any) -> None:
    _put(_open(url), ["Ann"])

    assert _keys(client) == [
        "cdp/to_it/current.csv", "cdp/to_it/deltas/b_1.csv", "cdp/to_it/manifest.json",
    ]  # fmt: skip


class _Recorder(httpx.BaseTransport):
    """Carries requests on and keeps them."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.seen.append(request)
        return self._inner.handle_request(request)


def test_a_delta_is_only_created_and_the_manifest_comes_last(url: str, client: Any) -> None:
    recorder = _Recorder()

    _put(_open(url, recorder), ["Ann"])

    put = [r for r in recorder.seen if r.method == "PUT"]
    assert [r.url.path.rpartition("/")[2] for r in put] == [
        "b_1.csv", "current.csv", "manifest.json",
    ]  # fmt: skip
    assert [r.headers.get("if-none-match") for r in put] == ["*", None, None]


@pytest.mark.parametrize("create_only", [True, False])
def test_what_somebody_else_put_there_is_never_replaced(
    url: str, client: Any, create_only: bool
) -> None:
    client.put_object(Bucket="out", Key="cdp/to_it/deltas/b_1.csv", Body=b"theirs")

    with pytest.raises(DestinationRefusedError, match="another_body_is_there") as refused:
        _put(_open(url, create_only=create_only), ["Ann"])

    assert not refused.value.is_final
    assert _keys(client) == ["cdp/to_it/deltas/b_1.csv"]


def test_every_request_is_signed_as_it_arrives(url: str, client: Any) -> None:
    recorder = _Recorder()
    bucket = _open(url, recorder)
    _put(bucket, ["Ann"])
    bucket.erase(_batch(["Ann"], "b_2", "erase"), sleep=_no_sleep)

    assert {r.method for r in recorder.seen} == {"GET", "PUT"}
    assert [r.url for r in recorder.seen if not _is_signed(r)] == []


def _is_signed(request: httpx.Request) -> bool:
    """Signature version 4, worked out anew from what went over the line.

    Source: Amazon S3 API reference, "Signature Calculations for the Authorization Header".
    """
    given = request.headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ")
    parts = dict(part.split("=", 1) for part in given.split(", "))
    scope = parts["Credential"].partition("/")[2]
    path, _, query = request.url.raw_path.decode().partition("?")
    pairs = sorted(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    digest = hashlib.sha256(request.content).hexdigest()
    names = parts["SignedHeaders"]
    canonical = "\n".join(
        [
            request.method, path, "&".join(pairs),
            *(f"{name}:{request.headers[name]}" for name in names.split(";")),
            "", names, digest,
        ]
    )  # fmt: skip
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope,
         hashlib.sha256(canonical.encode()).hexdigest()]
    )  # fmt: skip
    key = b"AWS4secret-word"
    for word in (*scope.split("/"), to_sign):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return request.headers["x-amz-content-sha256"] == digest and key.hex() == parts["Signature"]


def test_an_erasure_takes_earlier_versions_too(url: str, client: Any) -> None:
    client.create_bucket(Bucket="kept")
    client.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    bucket = _open(url, bucket="kept")
    _put(bucket, ["Ann", "Bea"])
    _put(bucket, ["Cleo"], "b_2")

    delivery = bucket.erase(_batch(["Ann"], "b_3", "erase"), sleep=_no_sleep)

    versions = client.list_object_versions(Bucket="kept")["Versions"]
    bodies = [
        client.get_object(Bucket="kept", Key=v["Key"], VersionId=v["VersionId"])["Body"].read()
        for v in versions
    ]
    assert delivery.rejected.num_rows == 0
    assert {v["IsLatest"] for v in versions} == {True}
    assert b"Ann" not in b"".join(bodies)
    assert b"Cleo" in b"".join(bodies)


class _Refusing(httpx.BaseTransport):
    """Refuses one kind of request, carries the others on."""

    def __init__(self, method: str, part: str, status: int, code: str) -> None:
        self.what, self.answer = (method, part), (status, code)
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == self.what[0] and self.what[1] in str(request.url):
            status, code = self.answer
            words = "Ann's key secret-word"
            body = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>"
            return httpx.Response(status, content=body.encode())
        return self._inner.handle_request(request)


def test_an_erasure_is_not_confirmed_where_versions_may_not_be_removed(
    url: str, client: Any
) -> None:
    client.create_bucket(Bucket="locked")
    client.put_bucket_versioning(Bucket="locked", VersioningConfiguration={"Status": "Enabled"})
    _put(_open(url, bucket="locked"), ["Ann"])
    locked = _open(url, _Refusing("DELETE", "versionId", 403, "AccessDenied"), bucket="locked")

    with pytest.raises(DestinationRefusedError, match="AccessDenied"):
        locked.erase(_batch(["Ann"], "b_2", "erase"), sleep=_no_sleep)


def test_a_service_without_versions_has_none_to_remove(url: str, client: Any) -> None:
    _put(_open(url), ["Ann"])
    plain = _open(url, _Refusing("GET", "versioning", 501, "NotImplemented"))

    assert plain.erase(_batch(["Ann"], "b_2", "erase"), sleep=_no_sleep).rejected.num_rows == 0


@pytest.mark.parametrize(
    ("status", "code", "told", "is_final"),
    [
        (403, "AccessDenied", "AccessDenied", True),
        (404, "NoSuchBucket", "NoSuchBucket", True),
        (400, "ann@mail.example", "http_400", False),
    ],
)
def test_a_refusal_is_told_by_its_code_alone(
    url: str, client: Any, status: int, code: str, told: str, is_final: bool
) -> None:
    with pytest.raises(DestinationRefusedError) as refused:
        _put(_open(url, _Refusing("PUT", "b_1", status, code)), ["Ann"])

    assert (refused.value.code, refused.value.is_final) == (told, is_final)
    assert "Ann" not in str(refused.value)
    assert "secret-" not in f"{refused.value}{_open(url)!r}"


def test_a_refusal_after_the_delta_leaves_the_batch_without_an_answer(
    url: str, client: Any
) -> None:
    with pytest.raises(DestinationUnavailableError, match="AccessDenied"):
        _put(_open(url, _Refusing("PUT", "current.csv", 403, "AccessDenied")), ["Ann"])

    _put(_open(url), ["Ann"])
    assert "cdp/to_it/manifest.json" in _keys(client)


def test_a_busy_service_is_asked_again_when_it_said(url: str, client: Any) -> None:
    slept: list[float] = []
    busy = [httpx.Response(503, headers={"Retry-After": "7"})]

    class Busy(_Recorder):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return busy.pop() if busy else super().handle_request(request)

    bucket = _open(url, Busy(), max_attempts=3)
    bucket.send(bucket.plan(_batch(["Ann"])), sleep=slept.append)

    assert slept
    assert min(slept) >= 7


def test_the_bucket_of_amazon_is_reached_by_name_at_the_address_that_was_judged() -> None:
    recorder: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        recorder.append(request)
        return httpx.Response(404, content=b"<Error><Code>NoSuchKey</Code></Error>")

    bucket = _open(
        "https://unused.example", httpx.MockTransport(answer), endpoint=None, region="eu-west-1"
    )

    assert not bucket.remembers("to_it")
    (asked, *_) = recorder
    assert asked.url.host == "127.0.0.1"
    assert asked.headers["host"] == "out.s3.eu-west-1.amazonaws.com"
    assert asked.url.scheme == "https"
