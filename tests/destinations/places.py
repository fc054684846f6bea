"""Places that are no vendor's service, each on a real server: add a place here."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pg8000.native
import redis

from audiences.sync.config import DestinationsConfig
from audiences.sync.destinations import Destination, open_destination
from tests.destinations.servers import (
    KEYS,
    PASSWORD,
    bucket_client,
    serving_redis,
    serving_s3,
    serving_sftp,
)
from tests.ingestion.pull_server import serving_postgres

ENVIRONMENT = {**KEYS, "WORD": PASSWORD}


@dataclass(frozen=True)
class Place:
    """One place in the pack.

    Attributes:
        kind: Its kind.
        settings: What a user writes beyond kind and legal basis.
        held: Of everyone it holds, the address and the country.
        text: All that it holds of anybody.
        wipe: Loses everything.
        leave: Writes a file under a name, as somebody else would; None where there are no files.
        gone: Settings under which nobody answers.
        elsewhere: Settings under which it is another place.
        target: What the members are put into.
    """

    kind: str
    settings: Mapping[str, Any]
    held: Callable[[], dict[str, str]]
    text: Callable[[], str]
    wipe: Callable[[], None]
    gone: Mapping[str, Any] = field(default_factory=dict)
    target: str | None = None
    elsewhere: Mapping[str, Any] = field(default_factory=dict)
    leave: Callable[[str, str], object] | None = None

    def open(self, folder: Path, /, **changes: Any) -> Destination:
        given = {
            "kind": self.kind, "legal_basis": "a test", "allow_insecure_loopback": True,
            **self.settings, **changes,
        }  # fmt: skip
        if self.kind == "file":
            given.pop("allow_insecure_loopback")
        config = DestinationsConfig.model_validate({"destinations": {"it": given}})
        return open_destination(
            "it",
            config.destinations["it"],
            artifacts=folder,
            environment=ENVIRONMENT,
            clock=lambda: dt.datetime.now(tz=dt.UTC),
        )


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Place]:
    """A place with its server."""
    with ExitStack() as kept:
        yield _PLACES[kind](folder, kept)


def _file(folder: Path, kept: ExitStack) -> Place:
    root = folder / "files"

    def wipe() -> None:
        for path in root.rglob("*.*"):
            path.unlink()

    return Place(
        "file", {"folder": str(root)}, lambda: _members(_texts(root)),
        lambda: "".join(_texts(root).values()), wipe, leave=_leaver(root),
        elsewhere={"folder": str(folder / "other")},
    )  # fmt: skip


def _sftp(folder: Path, kept: ExitStack) -> Place:
    (folder / "box").mkdir()
    box = kept.enter_context(serving_sftp(folder / "box"))
    settings = {
        "host": "127.0.0.1", "port": box.port, "user": "candor", "password_env": "WORD",
        "host_keys": [box.host_key.fingerprint], "folder": "in/candor", "timeout_s": 10,
    }  # fmt: skip

    def wipe() -> None:
        for path in box.folder.rglob("*.*"):
            path.unlink()

    return Place(
        "sftp", settings, lambda: _members(_texts(box.folder)),
        lambda: "".join(_texts(box.folder).values()), wipe, {"port": 1},
        leave=_leaver(box.folder / "in/candor"), elsewhere={"folder": "in/other"},
    )  # fmt: skip


def _s3(folder: Path, kept: ExitStack) -> Place:
    url = kept.enter_context(serving_s3())
    client: Any = bucket_client(url)
    client.put_bucket_versioning(Bucket="out", VersioningConfiguration={"Status": "Enabled"})
    settings = {
        "bucket": "out", "region": "us-east-1", "endpoint": url, "folder": "cdp/",
        "access_key_id_env": "ACCESS_KEY", "secret_access_key_env": "SECRET_KEY",
        "max_attempts": 1,
    }  # fmt: skip

    def bodies(*, with_versions: bool) -> dict[str, str]:
        found = client.list_object_versions(Bucket="out").get("Versions", [])
        return {
            f"{item['Key']}{'' if item['IsLatest'] else item['VersionId']}": client.get_object(
                Bucket="out", Key=item["Key"], VersionId=item["VersionId"]
            )["Body"].read().decode()
            for item in found
            if with_versions or item["IsLatest"]
        }  # fmt: skip

    def wipe() -> None:
        found = client.list_object_versions(Bucket="out")
        for item in (*found.get("Versions", []), *found.get("DeleteMarkers", [])):
            client.delete_object(Bucket="out", Key=item["Key"], VersionId=item["VersionId"])

    return Place(
        "s3", settings, lambda: _members(bodies(with_versions=False)),
        lambda: "".join(bodies(with_versions=True).values()), wipe,
        {"endpoint": "http://127.0.0.1:1"},
        leave=lambda name, text: client.put_object(Bucket="out", Key=f"cdp/{name}", Body=text), elsewhere={"folder": "other/"},
    )  # fmt: skip


def _redis(folder: Path, kept: ExitStack) -> Place:
    port = kept.enter_context(serving_redis(folder))
    client = redis.Redis(port=port, password=PASSWORD, decode_responses=True)
    kept.callback(client.close)

    def held() -> dict[str, str]:
        members: Any = client.smembers("people:members")
        return {m: str(client.hget(f"people:profile:{m}", "country")) for m in members}

    def text() -> str:
        found = []
        for key in client.scan_iter():
            kind = client.type(key)
            read = {"set": client.smembers, "hash": client.hgetall, "string": client.get}
            found.append(f"{key} {read[str(kind)](key)}")
        return "\n".join(found)

    settings = {"host": "127.0.0.1", "port": port, "password_env": "WORD", "timeout_s": 10}
    return Place(
        "redis", settings, held, text, client.flushall, {"port": 1}, "people", {"database": 1}
    )


def _postgres(folder: Path, kept: ExitStack) -> Place:
    port = int(kept.enter_context(serving_postgres(folder)).rpartition(":")[2].partition("/")[0])
    session = pg8000.native.Connection("candor", host="127.0.0.1", port=port, database="postgres")
    kept.callback(session.close)
    settings = {
        "host": "127.0.0.1", "port": port, "database": "postgres", "user": "candor",
        "password_env": "WORD", "timeout_s": 10,
    }  # fmt: skip

    def rows() -> list[Any]:
        if session.run("select to_regclass('people')") == [[None]]:
            return []
        return list(session.run("select identifiers ->> 'email', traits, row_id from people"))

    return Place(
        "postgres", settings, lambda: {row[0]: str(row[1].get("country")) for row in rows()},
        lambda: json.dumps(rows()), lambda: session.run("drop table if exists people, candor_batches"),
        {"port": 1}, "people", {"schema": "other"},
    )  # fmt: skip


def _leaver(root: Path) -> Callable[[str, str], object]:
    return lambda name, text: (root / name).write_text(text)


def _texts(root: Path) -> dict[str, str]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_text() for path in files}


def _members(texts: Mapping[str, str]) -> dict[str, str]:
    for name, text in texts.items():
        if name.endswith("current.csv"):
            return {row["email"]: row["country"] for row in csv.DictReader(io.StringIO(text))}
    return {}


_PLACES: Mapping[str, Callable[[Path, ExitStack], Place]] = {
    "file": _file, "s3": _s3, "sftp": _sftp, "redis": _redis, "postgres": _postgres,
}  # fmt: skip
KINDS = tuple(_PLACES)
