"""Model files: skops, never pickle, and only types from a fixed list (``docs/adr/0004``).

A model is a dictionary of arrays, texts and numbers. skops itself refuses types that it does not
know; the list here is shorter still, and it is checked before anything is built. The same model has
the same bytes, whenever and wherever it is written: skops would put addresses of the memory and the
time of the clock into them.
"""

from __future__ import annotations

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

from prediction.errors import BrokenModelError, UntrustedModelError

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


def write_folder(folder: Path, state: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Write a model and the files beside it, all or nothing.

    Args:
        folder: Replaced when it is there.
        state: Arrays, texts and numbers, by name.
        files: The other files, by name.
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


def read_state(folder: Path) -> dict[str, Any]:
    """Load a model's arrays, texts and numbers; no code of the file is run.

    Raises:
        BrokenModelError: It is missing or not a skops file.
        UntrustedModelError: It holds a type that is not on the list; nothing was loaded.
    """
    import skops.io  # noqa: PLC0415 - slow to import

    path = folder / MODEL
    content = _read(path)
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


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BrokenModelError(path, "it is missing") from None


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
