"""Log decisions before anything is shown, and load what was logged.

One JSON line for each decision goes to the end of a file in the data home: the warehouse has one
writer, which a page cannot wait for. The next run takes the file away under the same lock that
writers hold, loads it, and only then removes it; a line that comes twice is loaded once.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from personalization.artefact import Artefact, decide
from personalization.decide import Action, Decision, DecisionRequest, VariantFacts, choose
from personalization.inventory import DECISIONS, TABLES
from privacy.storage import destroy_file, make_private, replace_file
from warehouse import TableName, Warehouse

CURRENT, TAKEN, UNREADABLE = "decisions.jsonl", "taken.jsonl", "unreadable.jsonl"
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)

_LINES_AT_ONCE = 20_000
_NOTHING: Mapping[str, Any] = {
    "position": 1, "action_id": None, "propensity": 1.0, "is_discovery": False,
    "reason": "nothing to show", "eligible": [], "n_eligible": 0,
}  # fmt: skip

_STRUCTURE = json.dumps({
    "decision_id": "VARCHAR", "arm": "VARCHAR", "fallback_level": "VARCHAR", "is_ghost": "BOOLEAN",
    "rows": [{
        "position": "INTEGER", "action_id": "VARCHAR", "propensity": "DOUBLE",
        "is_discovery": "BOOLEAN", "reason": "VARCHAR", "eligible": "JSON", "n_eligible": "INTEGER",
    }],
    "inputs": {
        "situation": {
            "request_id": "VARCHAR", "slot": "VARCHAR", "at": "TIMESTAMP",
            "unit": {"kind": "VARCHAR", "unit_id": "VARCHAR", "person_id": "VARCHAR"},
            "earlier": {"decision_id": "VARCHAR"},
        },
        "facts": {
            "artefact_version": "VARCHAR", "built_at": "TIMESTAMP", "consent": "VARCHAR",
            "consent_version": "VARCHAR",
            "slot": {"kind": "VARCHAR", "segment": "VARCHAR", "policy": "VARCHAR"},
        },
    },
})  # fmt: skip
_READ = f"""
    select line, case when json_valid(line) then json_transform(line, '{_STRUCTURE}') end as logged
    from logged_lines
"""
_IS_DECISION = """
    coalesce(logged.decision_id is not null and len(logged."rows") > 0
        and logged.inputs.situation.at is not null, false)
"""
# Who was erased while a page was decided does not come back with its line.
_PERSONS = TableName("marts", "current_person")
_PRESENT = f"""
    coalesce(logged.inputs.situation.unit.person_id in (select person_id from {_PERSONS.sql}), true)
"""


@dataclass(frozen=True, slots=True)
class LogReport:
    """What became of the lines: ``lines = loaded + known + unreadable``.

    Attributes:
        lines: Lines found.
        loaded: Decisions that are new.
        known: Lines of decisions that were loaded before or stand there twice, or of persons who
            are no longer there.
        unreadable: Lines that are no decision; kept in a file of their own.
    """

    lines: int
    loaded: int
    known: int
    unreadable: int

    def plus(self, other: LogReport) -> LogReport:
        """Both together."""
        return LogReport(
            self.lines + other.lines,
            self.loaded + other.loaded,
            self.known + other.known,
            self.unreadable + other.unreadable,
        )


@dataclass(frozen=True, slots=True)
class DecisionLog:
    """The folder of the log; only its owner may read it."""

    folder: Path

    def append(self, decision: Decision) -> None:
        """Add one line; when this returns, the line outlives the process."""
        self._add(CURRENT, [json.dumps(as_line(decision), separators=(",", ":"))])

    def keep_unreadable(self, lines: Sequence[str]) -> None:
        """Keep lines that are no decision, for whoever looks into it."""
        if lines:
            self._add(UNREADABLE, lines)

    def take(self) -> Path | None:
        """Take what is logged away from the writers; None where nothing is."""
        taken = self.folder / TAKEN
        if taken.exists():  # a run that was killed left it
            return taken
        if not (self.folder / CURRENT).exists():
            return None
        with self._locked(CURRENT):
            (self.folder / CURRENT).rename(taken)
        return taken

    def rewrite(self, name: str, kept: Callable[[Sequence[str]], Sequence[str]]) -> None:
        """Put what ``kept`` leaves of a file's lines in place of it, while nobody writes."""
        path = self.folder / name
        if not path.exists():
            return
        with self._locked(name):
            lines = kept(path.read_text(encoding="utf-8", errors="replace").splitlines())
            replace_file(path, "".join(f"{line}\n" for line in lines).encode(), mode=0o600)

    def _add(self, name: str, lines: Sequence[str]) -> None:
        content = "".join(f"{line}\n" for line in lines).encode()
        if not self.folder.exists():
            make_private(self.folder)
        with self._locked(name) as descriptor:
            before = os.fstat(descriptor).st_size
            if os.write(descriptor, content) < len(content):  # a full disk: no half of a line
                os.ftruncate(descriptor, before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / name))

    @contextmanager
    def _locked(self, name: str) -> Iterator[int]:
        """Open a file to append, alone; open it again where it was taken away meanwhile."""
        path = self.folder / name
        while True:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink and _is_still(path, descriptor):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)


def decide_and_log(request: DecisionRequest, artefact: Artefact, log: DecisionLog) -> Decision:
    """Decide, write it down, and only then say it.

    Raises:
        UnknownSlotError: The slot is in no block and no experiment with variants.
    """
    decision = decide(request, artefact)
    log.append(decision)
    return decision


def load_decisions(warehouse: Warehouse, log: DecisionLog, *, run_id: str) -> LogReport:
    """Load what was logged since the last run into ``personalization.decisions``.

    Args:
        warehouse: Where to.
        log: Where from.
        run_id: Stored with every row.
    """
    warehouse.create_missing(TABLES)
    whole = LogReport(0, 0, 0, 0)
    while (taken := log.take()) is not None:
        with taken.open(encoding="utf-8", errors="replace") as stream:
            while lines := [line.rstrip("\n") for line in islice(stream, _LINES_AT_ONCE)]:
                whole = whole.plus(_load(warehouse, log, lines, run_id))
        destroy_file(taken)
    return whole


def recompute(inputs: str) -> Decision:
    """Decide again from what was logged: the column ``inputs`` of the first position."""
    content = json.loads(inputs)
    logged = {**_EMPTY, "situation": content["situation"], "facts": content["facts"]}
    decision = _DECISION.validate_python(logged)
    return choose(decision.situation, decision.facts)


def as_line(decision: Decision) -> Mapping[str, Any]:
    """The decision as it is logged: what was decided, by place, and what it followed from."""
    content = _DECISION.dump_python(decision, mode="json")
    rows: list[Mapping[str, Any]] = [
        {**row, **_eligible(decision, action)}
        for row, action in zip(content["actions"], decision.actions, strict=True)
    ]
    return {
        "decision_id": decision.decision_id,
        "arm": decision.arm,
        "fallback_level": decision.fallback_level,
        "is_ghost": decision.is_ghost,
        "rows": rows or [_NOTHING],
        "inputs": {"situation": content["situation"], "facts": content["facts"]},
    }


def _eligible(decision: Decision, action: Action) -> Mapping[str, Any]:
    """What an action was drawn from; unknown where the run drew, and kept only how likely it was."""
    slot = decision.facts.slot
    if isinstance(slot, VariantFacts):
        shown = sum(share > 0 for share in slot.shares.values())
        return {"eligible": dict(slot.shares), "n_eligible": shown}
    if not action.is_discovery:
        return {"eligible": [action.action_id], "n_eligible": 1}
    taken = {a.action_id for a in decision.actions if not a.is_discovery}
    taken |= set() if slot.repeats else set(decision.situation.seen)
    pool = [content_id for content_id in slot.pool if content_id not in taken]
    return {"eligible": pool or None, "n_eligible": len(pool) or None}


def _load(warehouse: Warehouse, log: DecisionLog, lines: Sequence[str], run_id: str) -> LogReport:
    with (
        warehouse.view("logged_lines", pa.table({"line": pa.array(lines, pa.string())})),
        warehouse.transaction(),
    ):
        bad = warehouse.read(f"select line from ({_READ}) where not {_IS_DECISION}")[
            "line"
        ].to_pylist()
        before = _decisions(warehouse)
        present = _PRESENT if warehouse.exists(_PERSONS) else "true"
        warehouse.append(DECISIONS.name, _load_sql(present), {"run_id": run_id})
        loaded = _decisions(warehouse) - before
    log.keep_unreadable(bad)
    return LogReport(len(lines), loaded, len(lines) - loaded - len(bad), len(bad))


def _load_sql(present: str) -> str:
    """The rows of decisions that are new, of persons of whom ``present`` holds."""
    return f"""
        with decisions as (
            select distinct on (logged.decision_id) logged, line from ({_READ}) where {_IS_DECISION}
        ),
        places as (
            select logged, line, logged.inputs.situation as situation, logged.inputs.facts as facts,
                   unnest(logged."rows") as place
            from decisions
            where logged.decision_id not in (select decision_id from {DECISIONS.name.sql})
                and {present}
        )
        select logged.decision_id, situation.request_id, situation.at as decided_at, situation.slot,
               facts.slot.kind as slot_kind, place.position, situation.unit.kind as unit_kind,
               situation.unit.unit_id, situation.unit.person_id, logged.arm, place.action_id,
               place.propensity, cast(place.eligible as varchar) as eligible, place.n_eligible,
               place.is_discovery, logged.is_ghost,
               situation.earlier.decision_id is not null as is_repeat, place.reason,
               logged.fallback_level, facts.slot.segment, facts.slot.policy, facts.artefact_version,
               facts.built_at as artefact_built_at, facts.consent, facts.consent_version,
               case when place.position = 1 then line -> '$.inputs' end as inputs, $run_id as run_id
        from places
    """


def _decisions(warehouse: Warehouse) -> int:
    counted = f"select count(distinct decision_id) from {DECISIONS.name.sql}"
    return int(warehouse.scalar(counted))


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


_EMPTY: Mapping[str, Any] = {
    "decision_id": "", "arm": "", "fallback_level": "", "actions": [], "is_ghost": False,
}  # fmt: skip
