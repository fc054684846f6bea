"""The key under which browsers stand in the artefact is made once, and missed when it is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.serving import artefact_path, open_artefact, serving_secret
from personalization import MissingArtefactError
from privacy import LostServingKeyError
from settings import Paths


def test_a_lost_serving_key_is_not_replaced(tmp_path: Path) -> None:
    paths = Paths(home=tmp_path / "home", landing=tmp_path, config=tmp_path)
    with pytest.raises(MissingArtefactError):
        open_artefact(paths)
    first = serving_secret(paths)
    artefact_path(paths).parent.mkdir(parents=True)
    artefact_path(paths).touch()
    again = serving_secret(paths)
    (paths.keys / "serving.key").unlink()

    assert again == first
    for act in (serving_secret, open_artefact):
        with pytest.raises(LostServingKeyError, match=r"restore it from the backup"):
            act(paths)
