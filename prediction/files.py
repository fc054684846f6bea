"""Model files: skops, never pickle, and only types from a fixed list (``docs/adr/0004``).

A model is a dictionary of arrays, texts and numbers. skops itself refuses types that it does not
know; the list here is shorter still, and it is checked before anything is built.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prediction.errors import BrokenModelError, UntrustedModelError

MODEL = "model.skops"
REFERENCE = "reference.json"
ALLOWED = frozenset({
    "builtins.bool", "builtins.dict", "builtins.float", "builtins.int", "builtins.list",
    "builtins.NoneType", "builtins.str", "numpy.ndarray",
})  # fmt: skip


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
    whole = {**files, MODEL: skops.io.dumps(dict(state))}
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
    if unknown := sorted(set(_types(path, content)) - ALLOWED):
        raise UntrustedModelError(path, unknown)
    found = skops.io.loads(content, trusted=[])
    if not isinstance(found, dict):
        raise BrokenModelError(path, "it holds no dictionary")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BrokenModelError(path, "it is missing") from None


def _types(path: Path, content: bytes) -> list[str]:
    """The full names of all types that the file would build."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BrokenModelError(path, type(error).__name__) from error
    return list(_walk(schema))


def _walk(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "__class__" in node:
            yield f"{node.get('__module__')}.{node['__class__']}"
        for child in node.values():
            yield from _walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from _walk(child)
