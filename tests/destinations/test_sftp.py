"""Files on an SFTP server of our own: nobody else's server is told anything, no file is met half."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pyarrow as pa
import pytest

from audiences import DestinationRefusedError, DestinationUnavailableError
from audiences.sync.config import DestinationsConfig
from audiences.sync.destinations import Batch, SftpDestination
from settings import ConfigurationError, load_config
from tests.destinations.servers import PASSWORD, Mailbox, serving_sftp


@pytest.fixture(scope="module")
def served() -> Iterator[Mailbox]:
    with (
        tempfile.TemporaryDirectory(prefix="candor-sftp-") as folder,
        serving_sftp(Path(folder)) as box,
    ):
        yield box


@pytest.fixture
def box(served: Mailbox, tmp_path: Path) -> Mailbox:
    served.folder, served.sign_ins, served.cut_after = tmp_path, 0, None
    served.locked, served.knows_posix_rename = False, True
    served.late_s, served.fails = 0.0, None
    return served


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a test never sleeps")


def _settings(box: Mailbox, **changes: Any) -> dict[str, Any]:
    given = {
        "kind": "sftp", "legal_basis": "a test", "host": "127.0.0.1", "port": box.port,
        "host_keys": [box.host_key.fingerprint], "user": "candor", "password_env": "A",
        "folder": "in", "allow_insecure_loopback": True, "timeout_s": 10, **changes,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _open(box: Mailbox, secrets: dict[str, str] | None = None, **changes: Any) -> SftpDestination:
    config = DestinationsConfig.model_validate({"destinations": {"it": _settings(box, **changes)}})
    found: Any = config.destinations["it"]
    return SftpDestination("it", found, secrets or {"password_env": PASSWORD})


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


def _put(mailbox: SftpDestination, names: list[str], batch_id: str = "b_1") -> None:
    mailbox.send(mailbox.plan(_batch(names, batch_id)), sleep=_no_sleep)


def _files(box: Mailbox) -> list[str]:
    return sorted(str(p.relative_to(box.folder)) for p in box.folder.rglob("*") if p.is_file())


def _whole(box: Mailbox) -> list[str]:
    return [name for name in _files(box) if not name.endswith(".partial")]


AS_WRITTEN = ("in/to_it/deltas/b_1.csv", "in/to_it/current.csv", "in/to_it/manifest.json")
WHOLE = sorted(AS_WRITTEN)


def test_a_server_with_another_key_is_told_nothing(box: Mailbox) -> None:
    stranger = paramiko.ECDSAKey.generate().fingerprint

    with pytest.raises(DestinationRefusedError, match="unknown_host_key") as refused:
        _put(_open(box, host_keys=[stranger]), ["Ann"])

    assert refused.value.is_final
    assert box.sign_ins == 0
    assert _files(box) == []


def test_one_of_several_keys_is_enough(box: Mailbox) -> None:
    other = paramiko.ECDSAKey.generate().fingerprint

    _put(_open(box, host_keys=[other, box.host_key.fingerprint]), ["Ann"])

    assert _files(box) == WHOLE


@pytest.mark.parametrize("passphrase", [None, "secret-passphrase"])
def test_a_private_key_signs_in(box: Mailbox, passphrase: str | None) -> None:
    text = io.StringIO()
    box.user_key.write_private_key(text, password=passphrase)
    secrets = {"private_key_env": text.getvalue()}
    secrets |= {"passphrase_env": passphrase} if passphrase else {}

    mailbox = _open(box, secrets, password_env=None, private_key_env="K")
    _put(mailbox, ["Ann"])

    assert _files(box) == WHOLE
    assert "PRIVATE" not in repr(mailbox)


def test_a_private_key_that_cannot_be_read_is_not_shown(box: Mailbox) -> None:
    mailbox = _open(box, {"private_key_env": "nonsense"}, password_env=None, private_key_env="K")

    with pytest.raises(DestinationRefusedError, match="unreadable_private_key") as refused:
        _put(mailbox, ["Ann"])

    assert "nonsense" not in str(refused.value)


def test_a_wrong_password_stops_the_sync(box: Mailbox) -> None:
    with pytest.raises(DestinationRefusedError, match="authentication_failed") as refused:
        _put(_open(box, {"password_env": "wrong-word"}), ["Ann"])

    assert refused.value.is_final
    assert "wrong-word" not in str(refused.value)


def test_a_folder_that_may_not_be_written_stops_the_sync(box: Mailbox) -> None:
    box.locked = True

    with pytest.raises(DestinationRefusedError, match="no_permission") as refused:
        _put(_open(box), ["Ann"])

    assert refused.value.is_final


@pytest.mark.parametrize("write", range(3))
def test_a_line_that_breaks_leaves_no_half_file_in_place(box: Mailbox, write: int) -> None:
    box.cut_after = write
    with pytest.raises(DestinationUnavailableError):
        _put(_open(box), ["Ann"])
    assert _whole(box) == sorted(AS_WRITTEN[:write])

    box.cut_after = None
    _put(_open(box), ["Ann"])
    assert _whole(box) == WHOLE


@pytest.mark.parametrize("knows", [True, False])
def test_files_are_replaced_with_and_without_the_extension_of_openssh(
    box: Mailbox, knows: bool
) -> None:
    box.knows_posix_rename = knows
    _put(_open(box), ["Ann"])

    _put(_open(box), ["Bea"], "b_2")

    manifest = json.loads((box.folder / "in/to_it/manifest.json").read_text())
    assert manifest["current"]["rows"] == 2


def _held(box: Mailbox) -> list[str]:
    with (box.folder / "in/to_it/current.csv").open(newline="") as file:
        return [row["name"] for row in csv.DictReader(file)]


def test_an_answer_that_is_late_does_not_take_the_new_file_away(box: Mailbox) -> None:
    _put(_open(box), ["Ann"])
    box.late_s = 0.8

    with pytest.raises(DestinationUnavailableError, match="Timeout"):
        _put(_open(box, timeout_s=0.5), ["Bea"], "b_2")

    # The server does what it was told meanwhile.
    until = time.monotonic() + 30
    while _held(box) != ["Ann", "Bea"] and time.monotonic() < until:
        time.sleep(0.1)
    assert _held(box) == ["Ann", "Bea"]


@pytest.mark.parametrize("knows", [True, False])
def test_a_rename_that_fails_leaves_the_file_that_was_there(box: Mailbox, knows: bool) -> None:
    _put(_open(box), ["Ann"])
    box.knows_posix_rename, box.fails = knows, "current"

    with pytest.raises(DestinationUnavailableError):
        _put(_open(box), ["Bea"], "b_2")

    assert _held(box) == ["Ann"]
    box.fails = None
    _put(_open(box), ["Bea"], "b_2")
    assert _held(box) == ["Ann", "Bea"]
    assert _files(box) == sorted([*WHOLE, "in/to_it/deltas/b_2.csv"])


def test_what_somebody_else_put_there_is_never_replaced(box: Mailbox) -> None:
    theirs = box.folder / "in/to_it/deltas/b_1.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")

    with pytest.raises(DestinationRefusedError, match="another_body_is_there") as refused:
        _put(_open(box), ["Ann"])

    assert not refused.value.is_final
    assert _files(box) == [AS_WRITTEN[0]]
    assert theirs.read_text() == "theirs"


def test_an_erasure_removes_what_a_broken_line_left(box: Mailbox) -> None:
    _put(_open(box), ["Ann", "Bea"])
    left = box.folder / "in/to_it/deltas/.b_0.csv.partial"
    left.write_text("Ann")

    delivery = _open(box).erase(_batch(["Ann"], "b_2", "erase"), sleep=_no_sleep)

    text = "".join((box.folder / name).read_text() for name in _files(box))
    assert delivery.rejected.num_rows == 0
    assert "Ann" not in text
    assert "Bea" in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"host_keys": []}, "host_keys"),
        ({"host_keys": None}, "host_keys"),
        ({"host_keys": ["SHA256:short"]}, "host_keys"),
        ({"password_env": None}, "password_env or private_key_env"),
        ({"private_key_env": "K"}, "password_env or private_key_env"),
        ({"password_env": "hunter2"}, "password_env"),
    ],
)
def test_settings_that_prove_nothing_are_refused(
    box: Mailbox, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    file = tmp_path / "destinations.yml"
    file.write_text(json.dumps({"destinations": {"it": _settings(box, **changes)}}))

    with pytest.raises(ConfigurationError, match=told) as refused:
        load_config(file, DestinationsConfig)

    assert "hunter2" not in str(refused.value)
