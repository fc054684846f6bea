"""What Candor says that it is made of is what its lock pins."""

from __future__ import annotations

import runpy

from tests.conftest import ROOT


def test_the_bill_of_materials_has_every_pinned_package_with_its_hashes() -> None:
    bill = runpy.run_path(str(ROOT / ".ci" / "sbom.py"))["bill_of_materials"]()
    lock = (ROOT / "requirements.lock").read_text()

    parts = bill["components"]
    assert len(parts) == sum(line[:1].isalnum() for line in lock.splitlines())
    assert sum(len(part["hashes"]) for part in parts) == lock.count("--hash=sha256:")
    assert len({part["bom-ref"] for part in parts}) == len(parts) > 100
    assert all(part["hashes"] for part in parts)
