"""Set a new company up: its configuration files, and JSON Schemas for editors."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pydantic

from audiences import Audience, InvalidAudienceError, load_audiences
from audiences.clauses import KEY_PATTERN, LONGEST_KEY
from ingestion.tracking_plan import EventContract
from orchestration.company import FILES
from orchestration.errors import TargetNotEmptyError

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "config"
SOURCES_TEMPLATE = Path(__file__).resolve().parent / "templates" / "sources.yml"

AUDIENCE_TEMPLATE = SOURCES_TEMPLATE.with_name("audience.yml")

SCHEMAS: dict[str, type[pydantic.BaseModel]] = {
    **FILES,
    "event_contract": EventContract,
    "audience": Audience,
}

# What files of the examples say of the sample company alone: its sources.
_OF_THE_SAMPLE = {
    "consent.yml": r"^(?=customer_id_sources:|request_files:)",
    "experiments.yml": r"^ {6}(?=- name: customer$|  when:\n {10}- record:|    - record:)",
}


def write_configuration(folder: Path) -> list[Path]:
    """Copy the commented examples, with a sources.yml that explains every kind of file.

    Raises:
        TargetNotEmptyError: The folder already holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise TargetNotEmptyError(folder)
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    shutil.copyfile(SOURCES_TEMPLATE, folder / "sources.yml")
    for name, pattern in _OF_THE_SAMPLE.items():
        text = (folder / name).read_text(encoding="utf-8")
        without = re.sub(pattern, lambda indent: f"{indent[0]}# ", text, flags=re.MULTILINE)
        (folder / name).write_text(without, encoding="utf-8")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_audience(config: Path, key: str) -> Path:
    """Write ``audiences/<key>.yml``, a valid audience with comments for every choice.

    Raises:
        InvalidAudienceError: The key is none, or an audience has it.
    """
    folder = config / "audiences"
    path = folder / f"{key}.yml"
    if not re.fullmatch(KEY_PATTERN, key):
        raise InvalidAudienceError(
            [f"{key!r} is no key: write lower-case letters, digits and _, a letter first"]
        )
    if len(key) > LONGEST_KEY:
        raise InvalidAudienceError(
            [f"a key of {len(key)} characters is too long: write at most {LONGEST_KEY}"]
        )
    taken = {audience.key for audience in load_audiences(folder)}
    if key in taken or path.exists():
        raise InvalidAudienceError([f"{key!r} is the key of an audience: choose another"])
    folder.mkdir(parents=True, exist_ok=True)
    name = key.replace("_", " ").capitalize()
    text = AUDIENCE_TEMPLATE.read_text(encoding="utf-8")
    path.write_text(text.replace("KEY", key).replace("NAME", name), encoding="utf-8")
    return path


def write_schemas(folder: Path) -> list[Path]:
    """Write one JSON Schema per kind of configuration file."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, model in SCHEMAS.items():
        path = folder / f"{name}.schema.json"
        text = json.dumps(model.model_json_schema(), indent=2, sort_keys=True)
        path.write_text(f"{text}\n", encoding="utf-8")
        written.append(path)
    return written
