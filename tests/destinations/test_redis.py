"""A real Redis on this machine: every batch is applied once and whole."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import redis

from audiences import DestinationRefusedError, DestinationUnavailableError
from audiences.sync.config import DestinationsConfig
from audiences.sync.destinations import Batch, RedisDestination
from tests.destinations.servers import PASSWORD, serving_redis


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with (
        tempfile.TemporaryDirectory(prefix="candor-redis-") as folder,
        serving_redis(Path(folder)) as found,
    ):
        yield found


@pytest.fixture
def client(port: int) -> Iterator[Any]:
    with redis.Redis(port=port, password=PASSWORD, decode_responses=True) as found:
        yield found
        found.config_set("maxmemory", "0")
        found.flushall()


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a test never sleeps")


def _open(port: int, password: str = PASSWORD, **changes: Any) -> RedisDestination:
    given = {
        "kind": "redis", "legal_basis": "a test", "host": "127.0.0.1", "port": port,
        "password_env": "A", "allow_insecure_loopback": True, "timeout_s": 10, **changes,
    }  # fmt: skip
    config = DestinationsConfig.model_validate({"destinations": {"it": given}})
    found: Any = config.destinations["it"]
    return RedisDestination("it", found, password)


def _row(name: str, operation: str = "add", **traits: Any) -> dict[str, Any]:
    return {
        "id": f"r_{name}", "operation": operation, "previous_identifiers": None,
        "identifiers": {"email": f"{name}@mail.example", "phone": None},
        "traits": traits if operation in {"add", "change"} else None,
    }  # fmt: skip


def _batch(rows: list[dict[str, Any]], batch_id: str = "b_1", **where: str) -> Batch:
    payloads = pa.table({"payload": pa.array([json.dumps(row) for row in rows], pa.string())})
    return Batch(
        batch_id, where.get("sync", "to_it"), "everyone", (), payloads,
        where.get("target", "site:people"),
    )  # fmt: skip


def _put(it: RedisDestination, rows: list[dict[str, Any]], *args: str, **where: str) -> None:
    it.send(it.plan(_batch(rows, *args, **where)), sleep=_no_sleep)


def test_a_site_finds_members_and_their_fields_by_the_first_identifier(
    port: int, client: Any
) -> None:
    _put(_open(port), [_row("ann", country="US", downloads=3, next_read=None, tags=["a"])])

    assert client.sismember("site:people:members", "ann@mail.example")
    assert client.hgetall("site:people:profile:ann@mail.example") == {
        "row_id": "r_ann", "email": "ann@mail.example", "country": "US", "downloads": "3",
        "tags": '["a"]',
    }  # fmt: skip


def test_a_field_that_is_sent_no_more_is_gone(port: int, client: Any) -> None:
    _put(_open(port), [_row("ann", country="US", city="Reno")])

    _put(_open(port), [_row("ann", "change", country="DE")], "b_2")

    profile = client.hgetall("site:people:profile:ann@mail.example")
    assert (profile["country"], "city" in profile) == ("DE", False)


def test_a_batch_that_comes_again_changes_nothing_whatever_is_in_it(port: int, client: Any) -> None:
    _put(_open(port), [_row("ann")])

    _put(_open(port), [_row("eve")])

    assert client.smembers("site:people:members") == {"ann@mail.example"}
    assert 0 < client.ttl("candor:batch:b_1") <= 30 * 24 * 3600


def test_two_who_swap_identifiers_are_both_there(port: int, client: Any) -> None:
    _put(_open(port), [_row("ann", first="Ann"), _row("bea", first="Bea")])
    swapped = [
        {**_row("ann", "change", first="Ann"), "identifiers": _row("bea")["identifiers"]},
        {**_row("bea", "change", first="Bea"), "identifiers": _row("ann")["identifiers"]},
    ]

    _put(_open(port), swapped, "b_2")

    assert client.hget("site:people:profile:ann@mail.example", "first") == "Bea"
    assert client.hget("site:people:profile:bea@mail.example", "first") == "Ann"
    assert client.scard("site:people:members") == 2


def _of(name: str, email: str, operation: str = "add", **traits: Any) -> dict[str, Any]:
    return {**_row(name, operation, **traits), "identifiers": _row(email)["identifiers"]}


def _sent(it: RedisDestination, rows: list[dict[str, Any]], batch_id: str) -> Any:
    return it.send(it.plan(_batch(rows, batch_id)), sleep=_no_sleep)


def test_who_has_the_first_identifier_of_another_is_refused_and_put_once_it_is_free(
    port: int, client: Any
) -> None:
    it = _open(port)
    _put(it, [_row("ann", country="US")])
    for _ in range(2):  # a batch that comes again has the same answer
        answer = _sent(it, [_of("bea", "ann", country="DE"), _of("eve", "eve")], "b_2")
        assert answer.rejected.to_pylist() == [
            {"row_id": "r_bea", "reason": "identifier_of_another"}
        ]
    assert client.hgetall("site:people:rows").keys() == {"r_ann", "r_eve"}
    assert client.hget("site:people:profile:ann@mail.example", "country") == "US"
    assert it.remembers("to_it")

    both = [_row("ann", "remove"), _of("bea", "ann", country="DE")]
    assert _sent(it, both, "b_3").rejected.num_rows == 0
    assert client.hget("site:people:profile:ann@mail.example", "country") == "DE"
    assert it.remembers("to_it")


def test_a_change_to_the_identifier_of_another_is_due_again(port: int, client: Any) -> None:
    it = _open(port)
    _put(it, [_row("ann"), _row("bea")])

    answer = _sent(it, [_of("bea", "ann", "change")], "b_2")

    assert answer.doubtful["row_id"].to_pylist() == ["r_bea"]
    assert client.smembers("site:people:members") == {"ann@mail.example"}
    assert it.remembers("to_it")


def test_two_rows_of_one_member_are_told_apart_and_sent_again(port: int, client: Any) -> None:
    it = _open(port)
    _put(it, [_row("ann")])
    client.hset("site:people:rows", "r_bea", "ann@mail.example")
    client.hset("candor:syncs", "to_it", json.dumps({"target": "site:people", "rows": 2}))

    assert not it.remembers("to_it")
    _put(it, [_of("bea", "ann", "remove")], "b_2")

    assert client.smembers("site:people:members") == {"ann@mail.example"}
    assert client.hget("site:people:profile:ann@mail.example", "row_id") == "r_ann"
    assert it.remembers("to_it")


def test_an_erasure_leaves_no_key_that_names_the_person(port: int, client: Any) -> None:
    _put(_open(port), [_row("ann"), _row("bea")])

    # As the ledger knows the person: perhaps by an address of long ago.
    gone = {**_row("ann", "erase"), "identifiers": {"email": "old@mail.example"}}
    _open(port).erase(_batch([gone], "b_2"), sleep=_no_sleep)

    assert sorted(client.scan_iter("site:*")) == [
        "site:people:members", "site:people:profile:bea@mail.example", "site:people:rows",
    ]  # fmt: skip
    assert client.hkeys("site:people:rows") == ["r_bea"]
    assert client.smembers("site:people:members") == {"bea@mail.example"}


def test_a_writer_in_between_makes_the_batch_wait(
    port: int, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = _open(port)
    inner = RedisDestination._state

    def meddled(*args: Any) -> Any:
        client.hset("site:people:rows", "r_x", "x")
        return inner(*args)

    monkeypatch.setattr(RedisDestination, "_state", meddled)
    with pytest.raises(DestinationUnavailableError, match="WatchError"):
        _put(it, [_row("ann")])

    assert client.exists("site:people:members", "candor:batch:b_1", "candor:syncs") == 0


def test_a_server_without_memory_takes_nothing_of_a_batch(port: int, client: Any) -> None:
    client.config_set("maxmemory", "1")

    with pytest.raises(DestinationUnavailableError):
        _put(_open(port), [_row("ann")])

    client.config_set("maxmemory", "0")
    assert client.keys("*") == []
    _put(_open(port), [_row("ann")])
    assert client.scard("site:people:members") == 1


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"target": "x"}'])
def test_what_somebody_else_wrote_about_a_sync_is_as_if_nothing_were_there(
    port: int, client: Any, text: str
) -> None:
    _put(_open(port), [_row("ann")])
    client.hset("candor:syncs", mapping={"to_it": text, "to_other": text})

    assert not _open(port).remembers("to_it")
    _put(_open(port), [_row("ann")], "b_2")
    assert _open(port).remembers("to_it")


def test_the_target_of_another_sync_is_refused(port: int, client: Any) -> None:
    _put(_open(port), [_row("ann")])

    with pytest.raises(DestinationRefusedError, match="target_of_another_sync") as refused:
        _put(_open(port), [_row("bea")], "b_2", sync="to_other")

    assert refused.value.is_final
    assert client.scard("site:people:members") == 1


def test_keys_that_somebody_uses_for_something_else_are_left_alone(port: int, client: Any) -> None:
    client.set("site:people:members", "mine")

    with pytest.raises(DestinationRefusedError, match="target_of_something_else"):
        _put(_open(port), [_row("ann")])

    assert client.keys("*") == ["site:people:members"]


def test_a_wrong_password_stops_the_sync_and_is_not_shown(port: int) -> None:
    it = _open(port, "wrong-word")

    with pytest.raises(DestinationRefusedError, match="authentication_failed") as refused:
        _put(it, [_row("ann")])

    assert refused.value.is_final
    assert "wrong-word" not in f"{refused.value}{it!r}"


def test_a_user_without_the_right_to_write_stops_the_sync(port: int, client: Any) -> None:
    client.acl_setuser(
        "reader", enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"],
        categories=["+@read", "+@connection", "+@transaction"],
    )  # fmt: skip

    with pytest.raises(DestinationRefusedError, match="no_permission") as refused:
        _put(_open(port, user="reader"), [_row("ann")])

    assert refused.value.is_final
    assert client.keys("*") == []


@pytest.mark.parametrize("target", ["people", "site:people", "a.b-c_D:9"])
def test_a_target_is_the_begin_of_keys(target: str) -> None:
    assert _config(target).syncs


@pytest.mark.parametrize("target", ["", "people:", "a b", "{a}", "pe*ple"])
def test_a_target_that_is_none_is_refused(target: str) -> None:
    from audiences import InvalidAudienceError  # noqa: PLC0415 - beside its only use
    from audiences.sync import resolve_syncs  # noqa: PLC0415 - as above

    with pytest.raises((InvalidAudienceError, ValueError), match="target"):
        resolve_syncs(_config(target), audiences=["everyone"])


def _config(target: str) -> DestinationsConfig:
    sync = {
        "audience": "everyone", "destination": "it", "target": target,
        "identifiers": [{"type": "person_id", "form": "raw"}],
    }  # fmt: skip
    place = {"kind": "redis", "legal_basis": "x", "host": "r.example", "password_env": "A"}
    return DestinationsConfig.model_validate(
        {"destinations": {"it": place}, "syncs": {"to_it": sync}}
    )
