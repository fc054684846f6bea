"""Group readers, publish the groups only where they are real, and say who is in which."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from prediction.config import PERSONAS_KEY, PersonasConfig
from prediction.dataset import Flags, Floats, Integers
from prediction.files import MODEL
from prediction.inventory import TABLES
from prediction.learnt import write_teachers
from prediction.members import UNASSIGNED, read_sizes, write_members, write_personas_table
from prediction.mixture import Mixture
from prediction.naming import find_traits, keep_ids, name_groups
from prediction.persona_files import MIXTURE, PICTURE, Personas, from_state, write_personas
from prediction.predict import Moment, Progress
from prediction.readers import RHYTHMS, Readers, read_readers
from prediction.registry import (
    Decision,
    Status,
    fingerprint,
    folder_of,
    read_decisions,
    read_version_file,
    read_version_state,
    record,
    remember_scores,
    version_of,
)
from prediction.stability import Grouping, find_groups
from prediction.threads import on_one_thread
from warehouse import Warehouse

PROVISIONAL = "provisional"


@dataclass(frozen=True, slots=True)
class PersonaReport:
    """What one run did.

    Attributes:
        decision: The version in force, or the one that was refused.
        is_new: Whether it was decided in this run.
        sizes: Members by persona name; those without one as ``unassigned``.
        written: Rows of members written by this run; 0 where nothing changed.
        picture: What each persona reads, as PNG; None where none is published.
    """

    decision: Decision
    is_new: bool
    sizes: Mapping[str, int]
    written: int
    picture: bytes | None


@on_one_thread
def group_readers(
    warehouse: Warehouse,
    config: PersonasConfig,
    *,
    artifacts: Path,
    moment: Moment,
    retrain: bool = False,
    progress: Progress = lambda _: None,
) -> PersonaReport:
    """Find personas where that is due, and assign every reader.

    Args:
        warehouse: With the marts of this run.
        config: How readers are told apart.
        artifacts: Folder below which model files are written.
        moment: When it is, and the seed.
        retrain: Group anew even where published personas are young enough.
        progress: Told what is being done.

    Raises:
        MissingRelationError: The marts are not built.
    """
    progress("Grouping readers")
    warehouse.create_missing(TABLES)
    readers = read_readers(warehouse, config, as_of=moment.as_of)
    return _Run(warehouse, config, artifacts, moment, readers).group(retrain=retrain)


@dataclass(frozen=True, slots=True)
class _Run:
    """One grouping of one run."""

    warehouse: Warehouse
    config: PersonasConfig
    artifacts: Path
    moment: Moment
    readers: Readers

    def group(self, *, retrain: bool) -> PersonaReport:
        before = next(iter(read_decisions(self.warehouse, PERSONAS_KEY)), None)
        decision = before
        if before is None or self._is_due(before, retrain=retrain):
            decision = self._decide()
            moment = self.moment
            with self.warehouse.transaction():  # a kill must leave no version of unknown teachers
                record(self.warehouse, PERSONAS_KEY, [decision], as_of=moment.as_of, now=moment.now)
                if decision.path:
                    teachers = self.readers.person_ids.filter(pa.array(self._teaches))
                    write_teachers(
                        self.warehouse, PERSONAS_KEY, decision.data_fingerprint, teachers
                    )
            (decision,) = read_decisions(self.warehouse, PERSONAS_KEY)
        if decision is None:
            raise AssertionError("a decision is made where there is none")
        written = self._assign(decision)
        return PersonaReport(
            decision=decision,
            is_new=decision is not before,
            sizes=read_sizes(self.warehouse, decision.model_version),
            written=written,
            picture=self._picture(decision),
        )

    def _is_due(self, decision: Decision, *, retrain: bool) -> bool:
        if retrain or not self._has_file(decision):
            return True
        if decision.config_fingerprint != fingerprint(self.config) and not decision.is_chosen:
            return True
        if decision.data_fingerprint == self.readers.fingerprint:
            return False
        age = self.moment.as_of - (decision.in_force_from or decision.trained_as_of)
        young = dt.timedelta(0) <= age < dt.timedelta(days=self.config.retrain_after_days)
        return not (young and decision.status == Status.CHAMPION)

    def _has_file(self, decision: Decision) -> bool:
        return decision.path is None or (self.artifacts / decision.path / MODEL).exists()

    @property
    def _teaches(self) -> Flags:
        """Of each reader whether groups are found among them."""
        enough: Flags = self.readers.items >= self.config.learn_from_readings
        return self.readers.may_teach & enough

    def _decide(self) -> Decision:
        """Find groups, write them where they may be published, and say why not where not."""
        config, readers = self.config, self.readers
        counts = readers.counts[self._teaches]
        numbers = range(config.fewest, config.most + 1)
        grouping = find_groups(counts, readers.sizes, numbers, seed=self.moment.seed)
        version = version_of(readers.fingerprint, fingerprint(config))
        decision = Decision(
            model_key=PERSONAS_KEY,
            model_version=version,
            status=Status.REFUSED if grouping.reasons else Status.CHAMPION,
            algorithm=MIXTURE,
            reason="; ".join(grouping.reasons) or _praise(grouping),
            metrics=grouping.as_dict(),
            trained_as_of=self.moment.as_of,
            data_fingerprint=readers.fingerprint,
            config_fingerprint=fingerprint(config),
            path=None if grouping.reasons else folder_of(PERSONAS_KEY, version),
            is_passed=not grouping.reasons,
        )
        if grouping.mixture is not None and not grouping.reasons:
            personas = self._named(grouping.mixture, grouping.status, counts)
            folder = self.artifacts / str(decision.path)
            digests = write_personas(folder, decision, personas, config)
            return replace(decision, file_digests=digests)
        return decision

    def _named(self, mixture: Mixture, status: str, counts: Floats) -> Personas:
        readers = self.readers
        average = _within_facets(counts.sum(axis=0), readers.facets)
        traits = find_traits(mixture.shares, average, readers.facets, readers.values)
        names = name_groups([[t for t in found if t.facet not in RHYTHMS] for found in traits])
        before, overlap = self._overlap(mixture)
        rows = self.warehouse.read(
            "select distinct persona_id from prediction.personas order by all"
        )
        ids = keep_ids(names, overlap, before, [*rows["persona_id"].to_pylist(), UNASSIGNED])
        return Personas(mixture, readers.facets, readers.values, ids, names, traits, status)

    def _overlap(self, mixture: Mixture) -> tuple[list[str], Floats]:
        """Ids of the last groups, and the readers that they share with the new ones."""
        rows = self.warehouse.read(
            """
            select coalesce(current_person.current_person_id, members.person_id) as person_id,
                   any_value(members.persona_id) as persona_id
            from prediction.persona_members as members
            left join marts.current_person as current_person using (person_id)
            where members.as_of = (select max(as_of) from prediction.persona_members)
            group by all having any_value(members.persona_id) is not null
            """
        )
        before = sorted(set(rows["persona_id"].to_pylist()))
        places = {name: number for number, name in enumerate(before)}
        known = dict(
            zip(rows["person_id"].to_pylist(), rows["persona_id"].to_pylist(), strict=True)
        )
        olds = [
            places.get(known.get(person, ""), -1) for person in self.readers.person_ids.to_pylist()
        ]
        old = np.asarray(olds, dtype=np.int64)
        new = mixture.assign(self.readers.counts)
        return before, _jaccard(new[old >= 0], old[old >= 0], (mixture.k, len(before)))

    def _assign(self, decision: Decision) -> int:
        """Write who is in which group at this date; nothing where nothing changed."""
        as_of, version = self.moment.as_of, decision.model_version
        mark = version_of(self.readers.fingerprint, f"{version} {as_of.isoformat()}")
        if mark == decision.scores_fingerprint:
            return 0
        personas = self._load(decision)
        with self.warehouse.transaction():
            written = write_members(
                self.warehouse, personas, self.readers, self.config, as_of=as_of
            )
            if personas:
                write_personas_table(self.warehouse, version, personas, self.config, as_of=as_of)
            remember_scores(self.warehouse, decision, mark)
        return written

    def _load(self, decision: Decision) -> Personas | None:
        if decision.status != Status.CHAMPION:
            return None
        return from_state(read_version_state(self.artifacts, decision))

    def _picture(self, decision: Decision) -> bytes | None:
        return read_version_file(self.artifacts, decision, PICTURE)


def _praise(grouping: Grouping) -> str:
    rest = "" if grouping.status != PROVISIONAL else "; provisional: expect them to move"
    return f"the groups come back in resamples: stability {grouping.stability:.2f}{rest}"


def _within_facets(totals: Floats, facets: Sequence[str]) -> Floats:
    names = np.asarray(facets)
    sums = {name: totals[names == name].sum() for name in dict.fromkeys(facets)}
    whole = np.maximum(np.array([sums[name] for name in facets]), 1)
    return np.asarray(totals / whole, dtype=np.float64)


def _jaccard(new: Integers, old: Integers, shape: tuple[int, int]) -> Floats:
    both = np.zeros(shape)
    np.add.at(both, (new, old), 1)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    return np.asarray(both / np.maximum(either, 1), dtype=np.float64)
