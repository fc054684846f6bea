"""Where pages are decided from and logged to, in the data home."""

from __future__ import annotations

from pathlib import Path

from personalization import Artefact, DecisionLog, ServingFiles
from privacy import KeyRing, LostServingKeyError
from settings import Paths
from warehouse import Warehouse


def artefact_path(paths: Paths) -> Path:
    """The artefact that decisions are taken from."""
    return paths.home / "serving" / "decisions.sqlite"


def decision_log(paths: Paths) -> DecisionLog:
    """The log of decisions that wait to be loaded."""
    return DecisionLog(paths.home / "serving" / "log")


def serving_secret(paths: Paths) -> bytes:
    """The key under which ids are put into the artefact; made where there is none.

    Raises:
        LostServingKeyError: It is gone, and there is what was made with it.
    """
    keys, log = KeyRing(paths.keys), decision_log(paths).folder
    is_used = artefact_path(paths).exists() or (log.exists() and any(log.iterdir()))
    if keys.serving_key() is None and is_used:
        raise LostServingKeyError(keys.folder)
    return keys.make_serving_key()


def open_artefact(paths: Paths) -> Artefact:
    """Open the artefact of the last run.

    Raises:
        MissingArtefactError: There is none.
        LostServingKeyError: The key of its hashes is gone.
    """
    path = artefact_path(paths)
    return Artefact.open(path, serving_secret(paths) if path.exists() else b"")


def serving_files(paths: Paths, warehouse: Warehouse) -> ServingFiles:
    """All of it as a place to erase persons from."""
    secret = KeyRing(paths.keys).serving_key()
    return ServingFiles(artefact_path(paths), decision_log(paths), warehouse, secret)
