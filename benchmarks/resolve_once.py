"""Resolve records once, in a process of its own: ``python -m benchmarks.resolve_once ours|bare …``.

A process that does nothing else tells how much memory and processor time it takes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.measured import SEED, peak_bytes
from benchmarks.staged_records import NOW
from identity import IdentityConfig, evaluate_members, resolve
from warehouse import DuckDBWarehouse

# As many pairs as the bare script samples; ours takes its own default.
_REFERENCE_PAIRS = 1e7
_THRESHOLD = 0.9


@dataclass(frozen=True, slots=True)
class Resolution:
    """One run.

    Attributes:
        wall_s: Seconds by the clock.
        cpu_s: Seconds of processor time, of the user and the system.
        peak_bytes: The most memory that was resident.
        f1: Against the truth; 0 where none was given.
        precision: The same.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    f1: float
    precision: float


def resolve_in_child(
    what: str, database: Path, *, artifacts: Path, truth: Path | None = None
) -> Resolution:
    """Resolve in a new process; "ours" or the "bare" Splink script."""
    command = [sys.executable, "-m", "benchmarks.resolve_once", what, str(database), str(artifacts)]
    done = subprocess.run(
        [*command, *([str(truth)] if truth else [])], check=True, stdout=subprocess.PIPE, text=True
    )
    return Resolution(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    what, database, artifacts, *truth = sys.argv[1:]
    pa.array([0])  # Arrow loads pandas at its first array; no other import is measured either
    began, cpu = time.perf_counter(), _cpu_s()
    {"ours": _ours, "bare": _bare}[what](Path(database), Path(artifacts))
    wall_s, cpu_s = time.perf_counter() - began, _cpu_s() - cpu
    peak = peak_bytes()
    f1, precision = _quality(Path(database), Path(truth[0])) if truth else (0.0, 0.0)
    print(json.dumps(asdict(Resolution(wall_s, cpu_s, peak, f1, precision))))


def _ours(database: Path, artifacts: Path) -> None:
    with DuckDBWarehouse.open(database) as warehouse:
        resolve(
            warehouse, IdentityConfig(), run_id="bench", now=NOW, seed=SEED, artifacts=artifacts,
            default_region="US",
        )  # fmt: skip


def _bare(database: Path, _: Path) -> None:
    """What a person would write: train, predict, cluster."""
    from splink import DuckDBAPI, Linker, block_on  # noqa: PLC0415 - heavy, and only needed here

    with DuckDBWarehouse.open(database) as warehouse:
        api = DuckDBAPI(warehouse.native_connection)
        warehouse.execute(
            "create table records as select *, source || '|' || source_record_id as record "
            "from staging.stg_raw__person_records"
        )
        linker = Linker(api.register("records"), _reference_settings(), log_level="ERROR")
        training = linker.training
        training.estimate_u_using_random_sampling(max_pairs=_REFERENCE_PAIRS, seed=SEED)
        for rule in (block_on("first_name", "last_name"), block_on("birth_date", "postal_code")):
            training.estimate_parameters_using_expectation_maximisation(rule)
        pairs = linker.inference.predict(threshold_match_probability=0.5)
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, _THRESHOLD)
        warehouse.execute("create schema if not exists identity")
        warehouse.execute(
            "create table identity.members as select source, source_record_id, "
            f"cluster_id as person_id from {clusters.physical_name}"
        )


def _reference_settings() -> Any:
    import splink.comparison_library as cl  # noqa: PLC0415 - as above
    from splink import SettingsCreator, block_on  # noqa: PLC0415 - as above

    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        comparisons=[
            cl.JaroWinklerAtThresholds("first_name", [0.9]).configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("last_name", [0.9]).configure(term_frequency_adjustments=True),
            cl.ExactMatch("email"), cl.ExactMatch("phone"), cl.ExactMatch("birth_date"),
            cl.ExactMatch("postal_code"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("email"), block_on("phone"), block_on("first_name", "last_name"),
            block_on("birth_date", "last_name"), block_on("last_name", "postal_code"),
            block_on("first_name", "postal_code"),
        ],
    )  # fmt: skip


def _quality(database: Path, truth: Path) -> tuple[float, float]:
    with DuckDBWarehouse.open(database) as warehouse:
        found = evaluate_members(warehouse, truth)
    return found.f1, found.precision


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
