"""Model files: skops, never pickle, and only types from a fixed list (``docs/adr/0004``).

A model is a dictionary of arrays, texts and numbers. skops itself refuses types that it does not
know; the list here is shorter still, and it is checked before anything is built. The same model has
the same bytes, whenever and wherever it is written: skops would put addresses of the memory and the
time of the clock into them. What the files of a version were when it was recorded is kept in the
registry: a file that says no more than another one could is checked against it wherever it is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prediction.errors import BrokenModelError, ChangedModelError, UntrustedModelError

MODEL = "model.skops"
REFERENCE = "reference.json"
SCHEMA = "schema.json"
ALLOWED = frozenset({
    "builtins.bool", "builtins.dict", "builtins.float", "builtins.int", "builtins.list",
    "builtins.NoneType", "builtins.str", "numpy.ndarray",
})  # fmt: skip
# What unpacking and building raise where bytes of a file are missing or changed.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, AttributeError, EOFError, LookupError, NotImplementedError,
    RuntimeError, TypeError, ValueError,
)  # fmt: skip


def write_folder(
    folder: Path, state: Mapping[str, Any], files: Mapping[str, bytes]
) -> dict[str, str]:
    """Write a model and the files beside it, all or nothing.

    Args:
        folder: Replaced when it is there.
        state: Arrays, texts and numbers, by name.
        files: The other files, by name.

    Returns:
        SHA-256 of each file, by name.
    """
    import skops.io  # noqa: PLC0415 - slow to import

    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True, mode=0o700)
    whole = {**files, MODEL: _without_chance(skops.io.dumps(dict(state)))}
    for name, content in sorted(whole.items()):
        with (making / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return {name: _digest(content) for name, content in sorted(whole.items())}


def read_file(folder: Path, name: str, digests: Mapping[str, str] | None) -> bytes | None:
    """Read one file of a version, if it is what was recorded.

    Args:
        folder: Of the version.
        name: Of the file.
        digests: What ``write_folder`` returned; None for a version recorded by an earlier Candor,
            of which any file is taken.

    Returns:
        Its bytes; None where it is not there and was not recorded.

    Raises:
        ChangedModelError: It is not the file that was recorded, or only one of the two is there.
    """
    path = folder / name
    content = path.read_bytes() if path.exists() else None
    if digests is None:
        return content
    if content is None and name in digests:
        raise ChangedModelError(path, "it is missing")
    if content is not None and _digest(content) != digests.get(name):
        raise ChangedModelError(path, "its bytes are others")
    return content


def read_state(folder: Path, digests: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Load a model's arrays, texts and numbers; no code of the file is run.

    Args:
        folder: Of the version.
        digests: As ``read_file`` has it.

    Raises:
        BrokenModelError: It is missing, not a skops file, or not the one that was recorded.
        UntrustedModelError: It holds a type that is not on the list; nothing was loaded.
    """
    import skops.io  # noqa: PLC0415 - slow to import

    path = folder / MODEL
    content = read_file(folder, MODEL, digests)
    if content is None:
        raise BrokenModelError(path, "it is missing")
    with _refusing_broken(path):
        types = _types(content)
    if unknown := sorted(set(types) - ALLOWED):
        raise UntrustedModelError(path, unknown)
    with _refusing_broken(path):
        found = skops.io.loads(content, trusted=[])
    if not isinstance(found, dict):
        raise BrokenModelError(path, "it holds no dictionary")
    return found


def _without_chance(content: bytes) -> bytes:
    """A skops file with its objects numbered in order, instead of by address, and without times."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(parts.pop(SCHEMA))
    names: dict[str, str] = {}
    for number, node in enumerate(_nodes(schema)):
        node["__id__"] = number
        if "file" in node:
            node["file"] = names.setdefault(node["file"], f"{number}.npy")
    parts = {names[name]: part for name, part in parts.items()}
    parts[SCHEMA] = json.dumps(schema, indent=2, sort_keys=True).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(parts):
            archive.writestr(zipfile.ZipInfo(name), parts[name])
    return target.getvalue()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _refusing_broken(path: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise BrokenModelError(path, type(error).__name__) from error


def _types(content: bytes) -> list[str]:
    """The full names of all types that the file would build."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read(SCHEMA))
    return list(_walk(schema))


def _walk(node: Any) -> Iterator[str]:
    return (f"{found.get('__module__')}.{found['__class__']}" for found in _nodes(node))


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of a schema, the outer ones first."""
    if isinstance(node, dict):
        if "__class__" in node:
            yield node
        for child in node.values():
            yield from _nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from _nodes(child)
