from __future__ import annotations

import contextlib
import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from prediction import BrokenModelError, UntrustedModelError
from prediction.dataset import Examples
from prediction.files import MODEL, read_file, read_state, write_folder
from prediction.logistic import RidgeModel, train
from prediction.states import as_state, from_state
from tests.full_disk import full_disk


def small_model() -> RidgeModel:
    rng = np.random.default_rng(0)
    values = rng.poisson(2, (400, 3)).astype(float)
    values[::7, 2] = np.nan
    outcomes = rng.random(400) < 1 / (1 + np.exp(3 - values[:, 0]))
    roles = np.repeat("training", 400)
    examples = Examples(("a", "b", "c"), values, outcomes, roles, np.arange(400), "")
    return train(examples, use=np.ones(3, dtype=bool), seed=1)


def test_a_model_comes_back_as_it_was_written(tmp_path: Path) -> None:
    model = small_model()
    values = np.array([[0.0, 1.0, np.nan], [9.0, 0.0, 2.0]])

    write_folder(tmp_path / "v", as_state(model), {"card.json": b"{}"})
    again = from_state(read_state(tmp_path / "v"))

    np.testing.assert_array_equal(again.predict(values), model.predict(values))
    assert sorted(file.name for file in (tmp_path / "v").iterdir()) == ["card.json", MODEL]


def test_loading_a_model_never_unpickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "v", as_state(small_model()), {})

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)

    assert read_state(tmp_path / "v")["algorithm"] == "ridge_logistic"


@pytest.mark.parametrize(
    "intruder",
    [
        pytest.param(Path("/etc"), id="a class of the standard library"),
        pytest.param(LogisticRegression(), id="an estimator that skops itself trusts"),
        pytest.param(np.random.default_rng, id="a function"),
    ],
)
def test_a_type_that_is_not_on_the_list_is_refused_before_anything_is_built(
    tmp_path: Path, intruder: object
) -> None:
    folder = tmp_path / "v"
    folder.mkdir()
    skops.io.dump({"weights": np.ones(2), "extra": intruder}, folder / MODEL)

    with pytest.raises(UntrustedModelError, match="nothing was loaded"):
        read_state(folder)


@pytest.mark.parametrize("content", [b"", b"no archive", pickle.dumps({"a": 1})])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MODEL).write_bytes(content)

    with pytest.raises(BrokenModelError, match="train again"):
        read_state(tmp_path)


def test_a_changed_byte_of_a_model_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    """Every 29th byte, flipped; and a file that ends there."""
    write_folder(tmp_path / "v", as_state(small_model()), {})
    file = tmp_path / "v" / MODEL
    whole, state = file.read_bytes(), str(read_state(tmp_path / "v"))

    refused = 0
    for place in range(0, len(whole), 29):
        flipped = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        for content in (flipped, whole[:place]):
            file.write_bytes(content)
            try:
                assert str(read_state(tmp_path / "v")) == state
            except (BrokenModelError, UntrustedModelError):
                refused += 1

    assert refused > len(whole) / 29 * 1.8


def test_a_full_disk_leaves_no_torn_model(tmp_path: Path) -> None:
    """The n-th thing that is asked of the disk fails, for every n."""
    old, new = {"weights": np.ones(2)}, {"weights": np.zeros(2)}
    write_folder(tmp_path / "1", old, {"card.json": b"{}"})

    for n in itertools.count(1):
        with full_disk(n) as disk, contextlib.suppress(OSError):
            write_folder(tmp_path / "2", new, {"card.json": b"{}"})
        assert str(read_state(tmp_path / "1")) == str(old)
        if not disk.has_refused:
            break
        assert not (tmp_path / "2").exists()

    assert n > 5
    assert str(read_state(tmp_path / "2")) == str(new)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenModelError, match="it is missing"):
        read_state(tmp_path / "gone")


def test_a_well_formed_file_that_is_not_the_recorded_one_is_refused(tmp_path: Path) -> None:
    """Its checksums are right and its types allowed: nothing in it says that it is another."""
    recorded = write_folder(tmp_path / "v", {"weights": np.ones(2)}, {"card.json": b"{}"})
    whole = read_state(tmp_path / "v", recorded)
    write_folder(tmp_path / "v", {"weights": np.zeros(2)}, {"card.json": b"{ }", "more.json": b""})

    assert str(whole) == str({"weights": np.ones(2)})
    assert read_file(tmp_path / "v", "gone.json", recorded) is None
    assert str(read_state(tmp_path / "v")) == str({"weights": np.zeros(2)})  # none was recorded
    with pytest.raises(BrokenModelError, match=r"bytes are others.*from a backup, or remove"):
        read_state(tmp_path / "v", recorded)
    for name in ("card.json", "more.json"):
        with pytest.raises(BrokenModelError, match="find out who changed it"):
            read_file(tmp_path / "v", name, recorded)
    (tmp_path / "v" / MODEL).unlink()
    with pytest.raises(BrokenModelError, match="it is missing"):
        read_state(tmp_path / "v", recorded)
