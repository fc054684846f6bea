"""One propensity model from evidence to decision: a model, the rule, or an honest nothing.

    evidence enough? -- no --> rule (or insufficient), and what is missing
          | yes
    trained on the earlier dates, judged at the later one: gates -- failed --> refused; the rule
          | passed
    not surely worse than the published version there -- failed --> refused; that one stays
          | passed
    trained again on every date, and published

A ridge regression of all features is the default; one of the telling features alone and boosted
trees are tried as well. Whichever loses least at the later date goes on, below 500 persons who did it
trees only where that is sure. The metrics in a card are those of the judged model; the published one
is made the same way from what is known now.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from prediction.cards import as_json, as_markdown
from prediction.config import PropensityConfig
from prediction.dataset import Asked, Examples, Flags, Floats
from prediction.dates import Role
from prediction.drift import profile_of, profiles_of
from prediction.fairness import groups_of
from prediction.files import REFERENCE, write_folder
from prediction.gates import Evidence, Signals, Verdict, judge_evidence, judge_model
from prediction.leakage import find_leaks
from prediction.metrics import Metrics, auc_gain, log_loss, loss_gain, measure
from prediction.pictures import draw_calibration
from prediction.registry import Decision, Status, fingerprint, folder_of, version_of
from prediction.rules import level_of, score_by_rule
from prediction.states import BOOSTED, NONE, RULE, TRAINERS, Model, as_state
from prediction.units import Unit, unit_of

# Below so many persons who did it, trees mostly see chance: they must be surely better (ADR 0033).
ENOUGH_FOR_TREES = 500
# Below so many of a kind at the judging date an AUC is an anecdote.
MIN_JUDGED = 10
# Among the metrics of a rule: by how much its log odds are moved to what was seen.
LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The version that answers so far.

    Attributes:
        decision: Its row of the registry.
        model: What its file holds.
    """

    decision: Decision
    model: Model


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the data, and when.

    Attributes:
        key: The model's key.
        config: What predictions.yml says of it.
        as_of: The moment up to which everything was known.
        missing_days: Days of history that are still wanted.
        had_model: Whether a model answered so far.
        seed: Of folds, bootstrap and simulation.
        incumbent: The version that answers so far, where it was made for this configuration and
            before the judging date.
        population: Who would have been scored at the judging date, to tell drift by; those who are
            judged where it is not given.
    """

    key: str
    config: PropensityConfig
    as_of: dt.datetime
    missing_days: int
    had_model: bool
    seed: int
    incumbent: Incumbent | None = None
    population: Asked | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A model on the later date.

    Attributes:
        algorithm: Which kind it is.
        scores: Of the persons judged.
        metrics: Of its scores.
        verdict: Whether it may be published.
        rivals: Mean log loss of every kind that was tried.
    """

    algorithm: str
    scores: Floats
    metrics: Metrics
    verdict: Verdict
    rivals: Mapping[str, float]


def decide(question: Question, examples: Examples, artifacts: Path) -> tuple[Decision, ...]:
    """Decide who answers; a model that was trained is written below ``artifacts``.

    Returns:
        The version that answers, and the model that was refused, if one was.
    """
    enough = judge_evidence(_evidence(question, examples))
    if not enough.allowed:
        return (_fall_back(question, examples, enough.reasons),)
    use = _usable(question.config, examples)
    judgement = judge(question, examples, use)
    train = TRAINERS[judgement.algorithm]
    worse = _worse(question, examples, judgement) if judgement.verdict.allowed else ()
    if judgement.verdict.allowed and not worse:
        model = train(examples, use=use, seed=question.seed)
        return (_write(question, examples, model, judgement, artifacts),)
    judgement = replace(judgement, verdict=Verdict((*judgement.verdict.reasons, *worse)))
    model = train(examples.of(Role.TRAINING), use=use, seed=question.seed)
    refused = _write(question, examples, model, judgement, artifacts)
    if worse and question.incumbent:
        return question.incumbent.decision, refused
    return (
        _fall_back(question, examples, ("a model was refused", *judgement.verdict.reasons)),
        refused,
    )


def judge(question: Question, examples: Examples, use: Flags) -> Judgement:
    """Train every kind on the earlier dates, and judge the one that loses least at the later one."""
    earlier, later = examples.of(Role.TRAINING), examples.of(Role.JUDGING)
    scores = {
        algorithm: train(earlier, use=use, seed=question.seed).predict(later.values)
        for algorithm, train in TRAINERS.items()
    }
    rivals = {name: log_loss(found, later.outcomes) for name, found in scores.items()}
    best = _choose(scores, rivals, earlier, later, seed=question.seed)
    metrics = measure(scores[best], later.outcomes, seed=question.seed)
    gain = None
    if question.config.rule:
        by_rule = score_by_rule(question.config.rule, later.features, later.values)
        gain = auc_gain(scores[best], by_rule, later.outcomes, seed=question.seed)
    leaks = find_leaks(earlier, later, use, trusted=question.config.trusted, seed=question.seed)
    signals = Signals(metrics, gain, tuple(leak.reason for leak in leaks))
    return Judgement(best, scores[best], metrics, judge_model(signals), rivals)


def _choose(
    scores: Mapping[str, Floats],
    rivals: Mapping[str, float],
    earlier: Examples,
    later: Examples,
    *,
    seed: int,
) -> str:
    """The kind that loses least; trees that learnt from few must surely lose less than the others.

    Where two lose the same, the first of ``rivals`` goes on.
    """
    best, second = sorted(rivals, key=lambda name: rivals[name])[:2]
    if best != BOOSTED or earlier.positives >= ENOUGH_FOR_TREES:
        return best
    lost = loss_gain(scores[best], scores[second], later.outcomes, seed=seed)
    return best if lost.high < 0 else second


def _worse(question: Question, examples: Examples, judgement: Judgement) -> tuple[str, ...]:
    """Why the published version stays, if it does: the new one surely loses more."""
    incumbent, later = question.incumbent, examples.of(Role.JUDGING)
    if incumbent is None or not set(incumbent.model.features) <= set(later.features):
        return ()
    before = incumbent.model.predict(later.select(incumbent.model.features))
    found = loss_gain(judgement.scores, before, later.outcomes, seed=question.seed)
    if found.low <= 0:
        return ()
    more = f"{found.low:.4f} to {found.high:.4f} nats per person"
    return (f"it loses {more} more than {incumbent.decision.model_version}, which stays",)


def _evidence(question: Question, examples: Examples) -> Evidence:
    judged = examples.of(Role.JUDGING)
    return Evidence(
        positives=examples.positives,
        negatives=examples.negatives,
        judged_positives=int(judged.outcomes.sum()),
        judged_negatives=int((~judged.outcomes).sum()),
        trained_positives=examples.of(Role.TRAINING).positives,
        missing_days=question.missing_days,
        had_model=question.had_model,
        units=unit_of(question.config).plural,
    )


def _usable(config: PropensityConfig, examples: Examples) -> Flags:
    return np.array([name not in set(config.leave_out) for name in examples.features])


def _fall_back(question: Question, examples: Examples, reasons: tuple[str, ...]) -> Decision:
    config, rule = fingerprint(question.config), question.config.rule
    level = level_of(rule, examples) if rule else 0.0
    found = Decision(
        model_key=question.key,
        # A rule of one level is the same rule whatever the data: it needs no version for each of them.
        model_version=f"rule-{version_of(str(level) if level else '', config)}",
        status=Status.CHAMPION,
        algorithm=RULE,
        reason="; ".join((_rule_answers(level), *reasons)),
        metrics={**_rule_metrics(question, examples), LEVEL: level},
        trained_as_of=question.as_of,
        data_fingerprint=examples.fingerprint,
        config_fingerprint=config,
        is_passed=True,
    )
    if rule is not None:
        return found
    nothing = "; ".join(("nothing answers: predictions.yml has no rule for it", *reasons))
    version = found.model_version.replace("rule-", "none-")
    return replace(
        found, status=Status.INSUFFICIENT, algorithm=NONE, reason=nothing, model_version=version
    )


def _rule_answers(level: float) -> str:
    moved = (
        f", its odds multiplied by {math.exp(level):.2g}, so that it expects as many as did it"
        if level
        else ""
    )
    return f"the rule answers{moved}"


def _rule_metrics(question: Question, examples: Examples) -> dict[str, Any]:
    counts = {"positives": examples.positives, "negatives": examples.negatives}
    later = examples.of(Role.JUDGING)
    done = int(later.outcomes.sum())
    if question.config.rule is None or min(done, len(later) - done) < MIN_JUDGED:
        return counts
    level = level_of(question.config.rule, examples.of(Role.TRAINING))
    scores = score_by_rule(question.config.rule, later.features, later.values, level=level)
    return {**measure(scores, later.outcomes, seed=question.seed).as_dict(), **counts}


def _write(
    question: Question,
    examples: Examples,
    model: Model,
    judgement: Judgement,
    artifacts: Path,
) -> Decision:
    """Write the folder of a version, and decide on its status."""
    config = fingerprint(question.config)
    version = version_of(examples.fingerprint, config)
    reasons, metrics = judgement.verdict.reasons, judgement.metrics
    decision = Decision(
        model_key=question.key,
        model_version=version,
        status=Status.REFUSED if reasons else Status.CHAMPION,
        algorithm=judgement.algorithm,
        reason="; ".join(reasons) or "it passed every gate at the later date",
        metrics={
            **metrics.as_dict(), "positives": examples.positives, "negatives": examples.negatives,
            "judged_positives": metrics.positives, "log_loss_by_kind": dict(judgement.rivals),
        },
        trained_as_of=question.as_of,
        data_fingerprint=examples.fingerprint,
        config_fingerprint=config,
        path=folder_of(question.key, version),
        is_passed=not reasons,
    )  # fmt: skip
    later = examples.of(Role.JUDGING)
    groups = groups_of(later.groups, judgement.scores, later.outcomes)
    card = _card(question, decision, examples, model, groups)
    title = f"{question.config.name}: predicted against observed"
    digests = write_folder(
        artifacts / folder_of(question.key, version),
        as_state(model),
        {
            "card.json": as_json(card),
            "card.md": _as_markdown(question, card),
            "metrics.json": as_json(decision.metrics),
            "schema.json": as_json({"features": list(model.features), "type": "double"}),
            "calibration.png": draw_calibration(metrics, title=title),
            REFERENCE: _reference(question, examples, model),
        },
    )
    return replace(decision, file_digests=digests)


def _reference(question: Question, examples: Examples, model: Model) -> bytes:
    """How features and scores were spread at the judging date: shares of people, nobody's values."""
    people = question.population or examples.of(Role.JUDGING)
    scores = profile_of(model.predict(people.select(model.features)))
    unused = set(question.config.leave_out)
    used = [name for name in people.features if name not in unused]
    features = profiles_of(used, people.select(used))
    return as_json(
        {
            "score": scores.as_dict(),
            "features": {name: found.as_dict() for name, found in features.items()},
        }
    )


def _card(
    question: Question,
    decision: Decision,
    examples: Examples,
    model: Model,
    groups: Mapping[str, Sequence[Mapping[str, object]]],
) -> dict[str, Any]:
    config = question.config
    importance = model.importance
    order = np.argsort(-importance, kind="stable")[:15]
    return {
        "name": config.name,
        "unit": config.unit,
        "purpose": f"probability of {config.target} {'at the end of' if config.target.state else 'within'} "
        f"{config.horizon_days} days, after a gap of {config.gap_days}",
        "status": str(decision.status),
        "reason": decision.reason,
        "as_of": question.as_of.isoformat(),
        "data": {
            "rows": len(examples),
            unit_of(config).plural: len(np.unique(examples.persons)),
            "positives": examples.positives,
            "rows_by_role": {
                str(role): len(examples.of(role)) for role in Role if role != Role.SCORING
            },
            "consent": f"granted for {config.purpose}, at the date and at as_of",
            "fingerprint": examples.fingerprint,
        },
        "left_out": list(config.leave_out),
        "sensitive": dict(config.sensitive),
        "groups": groups,
        "features": {examples.features[i]: round(float(importance[i]), 4) for i in order},
        "algorithm": decision.algorithm,
        "calibration": model.calibration.kind,
        "metrics": dict(decision.metrics),
        "limits": _limits(unit_of(config)),
    }


def _limits(unit: Unit) -> list[str]:
    return [
        "Persons without consent were not learnt from; whether they behave alike is not known.",
        "Metrics are of the later date; the published model also learnt from that date.",
        f"Intervals say how sure the model is of the average of such {unit.plural}, not of one.",
    ]


def _told(groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    shown = ("people", "rate", "rate_interval", "predicted", "ratio_interval", "chosen_interval",
             "found_interval")  # fmt: skip
    return {group["name"]: {name: group[name] for name in shown} for group in groups}


def _as_markdown(question: Question, card: Mapping[str, Any]) -> bytes:
    shown = ("auc", "auc_interval", "ece", "ece_by_chance", "slope", "slope_interval", "lift",
             "lift_interval", "log_loss", "log_loss_by_kind", "brier", "base_rate", "people", "judged_positives")  # fmt: skip
    return as_markdown(
        f"{question.config.name} (`{question.key}`)",
        {
            "What it is": {name: card[name] for name in ("purpose", "status", "reason", "as_of")},
            "What it learnt from": card["data"],
            "How good it is at the later date": {name: card["metrics"][name] for name in shown},
            "What moves it most (on the log odds)": card["features"],
            "What it must not use": card["left_out"] or ["nothing is left out"],
            "Sensitive columns, and what for": card["sensitive"] or ["none"],
            **{
                f"Groups by {name}, as they are now": _told(groups)
                for name, groups in card["groups"].items()
            },
            "Limits": card["limits"],
        },
    )
