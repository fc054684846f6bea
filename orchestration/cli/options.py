"""The options that every command takes: three folders, and ``--json`` where a script reads."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from settings import CONFIG_VARIABLE, HOME_VARIABLE, LANDING_VARIABLE, Paths

R = TypeVar("R")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script to read.")]

FOLDERS = {
    "config": (CONFIG_VARIABLE, "Folder of the configuration files; ./config where none is given."),
    "home": (HOME_VARIABLE, "Data home: warehouse, models, keys; ./.candor where none is given."),
    "landing": (LANDING_VARIABLE, "Folder of the raw files; <home>/landing where none is given."),
}


def with_paths(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command ``--config``, ``--home`` and ``--landing``, handed over as ``paths``."""
    # Typer does not read annotations that are still text.
    signature = inspect.signature(command, eval_str=True)
    own = [p for name, p in signature.parameters.items() if name != "paths"]
    folders = [_folder_parameter(name) for name in FOLDERS]

    @functools.wraps(command)
    def wrapped(**arguments: Any) -> R:
        folders = {name: arguments.pop(name) for name in FOLDERS}
        paths = Paths.resolve(os.environ, **folders)
        # Dagster loads its definitions and dbt its profile by these, in this process and below.
        os.environ.update(paths.as_environment())
        return command(paths=paths, **arguments)

    wrapped.__signature__ = signature.replace(parameters=[*own, *folders])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in (*own, *folders)}
    return wrapped


def _folder_parameter(name: str) -> inspect.Parameter:
    variable, text = FOLDERS[name]
    option = typer.Option(f"--{name}", help=f"{text} Variable: {variable}.", show_default=False)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[Path | None, option],
    )
