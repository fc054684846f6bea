"""Write all that the lock pins, tools of development too, as a CycloneDX 1.6 bill of materials.

Usage: python .ci/sbom.py > candor.cdx.json
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill_of_materials(root: Path = ROOT) -> dict[str, Any]:
    """The bill: same lock, same bytes; of a package with a file per platform the hash of each."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": _component(project["name"], str(project["version"]), "application")
        },
        "components": list(_locked(lock)),
    }


def _locked(lock: str) -> Iterator[dict[str, Any]]:
    for entry in re.split(r"\n(?=[A-Za-z0-9])", lock):
        if pinned := _PINNED.match(entry):
            hashes = [{"alg": "SHA-256", "content": found} for found in _HASH.findall(entry)]
            yield {**_component(pinned[1], pinned[2], "library"), "hashes": hashes}


def _component(name: str, version: str, kind: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    return {"type": kind, "name": name, "version": version, "purl": purl, "bom-ref": purl}


if __name__ == "__main__":
    json.dump(bill_of_materials(), sys.stdout, indent=1)
