"""Score everybody, or every account, by every model of the configuration, training where that is due.

A published model is kept for some days of new data (``retrain_after_days``), fewer where it drifts
(``retrain_cooldown_days``); the same data and configuration come to the same version, so that a run
with nothing new writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from prediction.config import PERSONAS_KEY, PredictionsConfig, PropensityConfig
from prediction.dataset import Asked, Examples, read_asked, read_examples, read_judged
from prediction.dates import missing_history_days
from prediction.drift import ALARMS, Tier, read_alarms, write_drift
from prediction.files import MODEL
from prediction.fitness import why_unfit
from prediction.inventory import TABLES
from prediction.learnt import remember_teachers
from prediction.logistic import Scores
from prediction.propensity import LEVEL, Incumbent, Question, decide
from prediction.registry import (
    Decision,
    fingerprint,
    read_decisions,
    read_version_file,
    read_version_state,
    record,
    remember_purpose,
    remember_scores,
    retire_unconfigured,
    version_of,
)
from prediction.retraining import Standing, why_train
from prediction.rules import contributions, score_by_rule
from prediction.scores import nothing_known, withdraw_scores, withdraw_unconfigured, write_scores
from prediction.spine import read_history
from prediction.states import NONE, RULE, TRAINERS, from_state
from prediction.targets import known_since
from prediction.threads import on_one_thread
from prediction.units import unit_of
from prediction.watching import watch
from warehouse import Warehouse

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """When and with what chance a run happens.

    Attributes:
        as_of: The moment up to which the warehouse knows, UTC.
        now: What the clock says, UTC.
        seed: Of everything that is drawn.
    """

    as_of: dt.datetime
    now: dt.datetime
    seed: int


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """What one run did with one model.

    Attributes:
        key: The model.
        decisions: Its versions in force; the one that answers comes first.
        is_new: Whether they were decided in this run.
        unit: What is asked about, in the plural: persons or accounts.
        scored: How many have a row at this date.
        written: Rows written by this run; 0 where nothing changed.
        why: Every reason to train in this run; none where the version stays.
        drift: What of the version that answers moved further than chance, by how much it matters.
        asks_for_training: Whether that version drifts so that the next run will train it anew.
        picture: The calibration of the newest model as PNG; None where none was trained.
    """

    key: str
    decisions: tuple[Decision, ...]
    is_new: bool
    unit: str
    scored: int
    written: int
    why: tuple[str, ...]
    drift: Mapping[Tier, tuple[str, ...]]
    asks_for_training: bool
    picture: bytes | None

    @property
    def answering(self) -> Decision:
        """The version that answers."""
        return self.decisions[0]


@on_one_thread
def predict_all(
    warehouse: Warehouse,
    config: PredictionsConfig,
    *,
    artifacts: Path,
    moment: Moment,
    retrain: bool = False,
    progress: Progress = lambda _: None,
) -> tuple[ScoreReport, ...]:
    """Decide who answers for each model, and score everybody who is eligible.

    Args:
        warehouse: With the spine and the marts of this run.
        config: The models.
        artifacts: Folder below which model files are written.
        moment: When it is, and the seed.
        retrain: Train anew even where a published model is young enough.
        progress: Told what is being done.

    Raises:
        MissingRelationError: The marts are not built.
        UnknownFeatureError: The configuration names a column that is not there.
        UnknownTraitError: It predicts a state of a trait of which no history is kept.
    """
    warehouse.create_missing(TABLES)
    retire_unconfigured(warehouse, [*config.models, PERSONAS_KEY])
    withdraw_unconfigured(warehouse, config.models, as_of=moment.as_of)
    reports = []
    for key, model in config.models.items():
        progress(f"Predicting {model.name}")
        reports.append(_Run(warehouse, key, model, artifacts, moment).predict(retrain=retrain))
    return tuple(reports)


@dataclass(frozen=True, slots=True)
class _Run:
    """One model in one run."""

    warehouse: Warehouse
    key: str
    config: PropensityConfig
    artifacts: Path
    moment: Moment

    def predict(self, *, retrain: bool) -> ScoreReport:
        before = read_decisions(self.warehouse, self.key)
        decisions, why = before, self._why_train(before, retrain=retrain)
        if why:
            examples = read_examples(self.warehouse, self.key, self.config, as_of=self.moment.as_of)
            if retrain or not self._is_known(before, examples):
                decided = decide(self._question(before), examples, self.artifacts)
                moment = self.moment
                with (
                    self.warehouse.transaction()
                ):  # a kill must leave no version of unknown teachers
                    record(self.warehouse, self.key, decided, as_of=moment.as_of, now=moment.now)
                    if any(decision.path for decision in decided):
                        remember_teachers(
                            self.warehouse, self.key, self.config, examples.fingerprint,
                            as_of=moment.as_of,
                        )  # fmt: skip
                decisions = read_decisions(self.warehouse, self.key)
        remember_purpose(self.warehouse, self.key, self.config.purpose)
        return self._score(decisions, why=why if decisions is not before else ())

    def _score(self, decisions: tuple[Decision, ...], *, why: tuple[str, ...]) -> ScoreReport:
        as_of, answering = self.moment.as_of, decisions[0]
        # Of any date, also where nothing else changed: who withdrew may not be asked about any more.
        withdraw_scores(self.warehouse, self.key, self.config, as_of=as_of)
        asked = read_asked(self.warehouse, self.key, self.config, as_of=as_of)
        mark = version_of(asked.fingerprint, f"{answering.model_version} {as_of.isoformat()}")
        written = 0
        if mark != answering.scores_fingerprint or not self._scored(answering, len(asked)):
            scores = self._scores(answering, asked)
            with self.warehouse.transaction():
                self._watch(answering, asked, scores)
                written = write_scores(
                    self.warehouse, answering, asked, scores, unit=unit_of(self.config), as_of=as_of
                )
                remember_scores(self.warehouse, answering, mark)
        drift = self._drifted(answering)
        return ScoreReport(
            key=self.key,
            decisions=decisions,
            is_new=bool(why),
            unit=unit_of(self.config).plural,
            scored=len(asked),
            written=written,
            why=why,
            drift=drift,
            asks_for_training=self._asks_for_training(decisions, drift),
            picture=self._picture(decisions),
        )

    def _why_train(self, decisions: Sequence[Decision], *, retrain: bool) -> tuple[str, ...]:
        """Every reason to train; data that changed since are none, so that an erasure moves nobody."""
        if retrain and decisions:
            return ("it was asked for",)
        if not decisions or not self._stands(decisions[0]):
            return ("no model answers",)
        answering = decisions[0]
        if unfit := why_unfit(self.warehouse, self.artifacts, answering, self.config):
            return unfit
        standing = Standing(
            in_force_from=answering.in_force_from or answering.trained_as_of,
            tried_at=max(decision.trained_as_of for decision in decisions),
            is_configured=answering.config_fingerprint == fingerprint(self.config),
            is_chosen=bool(answering.is_chosen),
            alarms=read_alarms(self.warehouse, self.key, answering.model_version),
        )
        return why_train(
            standing,
            as_of=self.moment.as_of,
            schedule=self.config.schedule,
            cooldown=self.config.cooldown,
        )

    def _is_known(self, decisions: Sequence[Decision], examples: Examples) -> bool:
        """Whether the same data and configuration were decided on before."""
        return bool(decisions) and all(
            decision.data_fingerprint == examples.fingerprint
            and decision.config_fingerprint == fingerprint(self.config)
            and self._has_file(decision)
            for decision in decisions
        )

    def _is_model(self, decision: Decision) -> bool:
        return decision.algorithm in TRAINERS and self._has_file(decision)

    def _stands(self, decision: Decision) -> bool:
        """Whether a model answers, or a rule that a person put in force."""
        is_chosen_rule = bool(decision.is_chosen) and decision.algorithm == RULE
        return self._is_model(decision) or is_chosen_rule

    def _has_file(self, decision: Decision) -> bool:
        return decision.path is None or (self.artifacts / decision.path / MODEL).exists()

    def _question(self, before: Sequence[Decision]) -> Question:
        as_of = self.moment.as_of
        history = read_history(self.warehouse, self.config, as_of=as_of)
        if self.config.target.state:
            history = replace(history, first_event_at=known_since(self.warehouse, self.config))
        return Question(
            key=self.key,
            config=self.config,
            as_of=as_of,
            missing_days=missing_history_days(self.config, history, as_of=as_of),
            had_model=bool(before) and before[0].algorithm in TRAINERS,
            seed=self.moment.seed,
            incumbent=self._incumbent(before),
            population=read_judged(self.warehouse, self.key, self.config, as_of=as_of),
        )

    def _incumbent(self, before: Sequence[Decision]) -> Incumbent | None:
        """The version to beat; one that learnt from the judging date would win by memory."""
        if not before or not self._is_model(before[0]):
            return None
        judging = self.moment.as_of - dt.timedelta(
            days=self.config.horizon_days + self.config.gap_days
        )
        is_same = before[0].config_fingerprint == fingerprint(self.config)
        if not is_same or before[0].trained_as_of > judging:
            return None
        return Incumbent(before[0], from_state(read_version_state(self.artifacts, before[0])))

    def _scores(self, decision: Decision, asked: Asked) -> Scores:
        if decision.algorithm == NONE or not len(asked):
            return nothing_known(asked)
        if decision.algorithm == RULE and self.config.rule:
            rule, unknown = self.config.rule, np.full(len(asked), np.nan)
            level = float(decision.metrics.get(LEVEL, 0.0))
            found = score_by_rule(rule, asked.features, asked.values, level=level)
            return Scores(
                found, unknown, unknown, contributions(rule, asked.features, asked.values)
            )
        # Columns that were added since do not matter to it.
        model = from_state(read_version_state(self.artifacts, decision))
        return model.explain(asked.select(model.features))

    def _watch(self, decision: Decision, asked: Asked, scores: Scores) -> None:
        """Write down how far people, scores and outcomes moved; a rule foretells nothing."""
        if decision.algorithm not in TRAINERS or not len(asked):
            return
        as_of = self.moment.as_of
        found = watch(
            self.warehouse, self.config, decision, (asked, scores.score),
            artifacts=self.artifacts, as_of=as_of,
        )  # fmt: skip
        write_drift(self.warehouse, self.key, decision.model_version, found, as_of=as_of)

    def _asks_for_training(
        self, decisions: Sequence[Decision], drift: Mapping[Tier, tuple[str, ...]]
    ) -> bool:
        """Whether an alarm trains it anew in the next run; a rule, which has none, never asks."""
        return not drift.keys().isdisjoint(ALARMS) and bool(
            self._why_train(decisions, retrain=False)
        )

    def _drifted(self, decision: Decision) -> Mapping[Tier, tuple[str, ...]]:
        rows = self.warehouse.read(
            "select tier, list(subject order by subject) as subjects from prediction.drift "
            "where model_key = $key and as_of = $as_of and model_version = $version "
            "and tier <> 'none' group by tier order by all",
            {"key": self.key, "as_of": self.moment.as_of, "version": decision.model_version},
        ).to_pylist()
        return {Tier(row["tier"]): tuple(row["subjects"]) for row in rows}

    def _scored(self, decision: Decision, units: int) -> bool:
        """Whether the rows of this date are there, e.g. not restored from an older backup."""
        found = self.warehouse.scalar(
            f"select count(*) from {unit_of(self.config).scores.name.sql} where model_key = $key "
            "and as_of = $as_of and model_version = $version",
            {"key": self.key, "as_of": self.moment.as_of, "version": decision.model_version},
        )
        return bool(found == units)

    def _picture(self, decisions: Sequence[Decision]) -> bytes | None:
        for decision in decisions:
            if picture := read_version_file(self.artifacts, decision, "calibration.png"):
                return picture
        return None
