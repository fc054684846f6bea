"""``candor privacy keys list|rotate|rotate-signing``: keys under which identifiers are kept, and that sign."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_rows
from orchestration.cli.privacy import privacy_app
from orchestration.cli.privacy_decisions import ByOption
from settings import Paths

keys_app = typer.Typer(
    help="The key under which identifiers of erased and held persons are kept, and the one that signs.",
    no_args_is_help=True,
)
privacy_app.add_typer(keys_app, name="keys")


@keys_app.command("list")
@with_paths
def list_keys(
    *,
    paths: Paths,
    signing: Annotated[
        bool, typer.Option("--signing", help="Show the keys that sign, or have signed, instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show every version, and how many stored rows need it; or every key that signs or has signed."""
    rows = _signing(paths) if signing else _versions(paths)
    print_rows("Keys", rows, as_json=as_json)


def _versions(paths: Paths) -> list[dict[str, object]]:
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from privacy import KeyRing, read_key_uses  # noqa: PLC0415 - as above

    with Company(paths).open_warehouse() as warehouse:
        uses = read_key_uses(warehouse, KeyRing(paths.keys))
    return [
        {
            "version": use.version,
            "used for": "new rows" if use.is_current else "looking up",
            "fingerprint": use.fingerprint,
            "file": "here" if use.is_here else "missing",
            "rows": use.rows,
        }
        for use in uses
    ]


def _signing(paths: Paths) -> list[dict[str, object]]:
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from privacy import KeyRing, read_signing_keys  # noqa: PLC0415 - as above

    with Company(paths).open_warehouse() as warehouse:
        keys = read_signing_keys(warehouse, KeyRing(paths.keys))
    return [
        {
            "fingerprint": key.fingerprint,
            "used for": "signing" if key.is_current else "checking receipts",
            "receipts": key.receipts,
        }
        for key in keys
    ]


@keys_app.command()
@with_paths
def rotate(*, paths: Paths, by: ByOption = None) -> None:
    """Begin a new version; rows of before are found as ever, so no file may be removed."""
    from orchestration.company import Company, utc_now  # noqa: PLC0415 - loads every package
    from orchestration.run_lock import hold_run_lock  # noqa: PLC0415 - as above
    from privacy import KeyRing, rotate_key, seal_audit  # noqa: PLC0415 - as above

    keys = KeyRing(paths.keys)
    with hold_run_lock(paths.home), Company(paths).open_warehouse() as warehouse:
        version = rotate_key(warehouse, keys, by=by or getpass.getuser(), now=utc_now())
        seal_audit(warehouse, keys)
    console.print(
        f"New rows are kept under {version}. Keep the older files: put all into your backup."
    )


@keys_app.command("rotate-signing")
@with_paths
def rotate_signing(*, paths: Paths, by: ByOption = None) -> None:
    """Make another key that signs; receipts of before are checked as ever, by the public key of then."""
    from orchestration.company import Company, utc_now  # noqa: PLC0415 - loads every package
    from orchestration.privacy_parts import erasure_log  # noqa: PLC0415 - as above
    from orchestration.run_lock import hold_run_lock  # noqa: PLC0415 - as above
    from privacy import KeyRing, rotate_signing_key  # noqa: PLC0415 - as above

    company = Company(paths)
    company.require_warehouse()
    with hold_run_lock(paths.home), company.open_warehouse() as warehouse:
        current = rotate_signing_key(
            warehouse, KeyRing(paths.keys), log=erasure_log(company), by=by or getpass.getuser(),
            now=utc_now(),
        )  # fmt: skip
    console.print(
        f"Receipts are signed with the key of fingerprint {current} from now on. Hand out its public half: "
        "candor privacy public-key. Put keys/ into your backup: those of before are checked with what lies there."
    )
