"""Exceptions raised by the prediction package.

* PredictionError
  - MissingRelationError
  - UnknownFeatureError
  - UnknownGroupError
  - UnknownTraitError
  - SensitiveFeatureError
  - SensitiveTargetError
  - UnknownModelError
  - UnknownVersionError
  - RefusedVersionError
  - UnfitVersionError
  - NoEarlierVersionError
  - UntrustedModelError
  - BrokenModelError
    - ChangedModelError
  - TooFewPurchasesError
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from warehouse import TableName


class PredictionError(Exception):
    """Something could not be predicted."""


class MissingRelationError(PredictionError, LookupError):
    """A table or view that prediction reads is not there."""

    def __init__(self, relation: str) -> None:
        self.relation = relation
        super().__init__(
            f"{relation} is not in the warehouse: `candor run` builds it before anything is predicted"
        )


class UnknownFeatureError(PredictionError, ValueError):
    """The configuration names columns that ``marts.features_as_of`` does not have."""

    def __init__(self, model_key: str, unknown: Sequence[str], known: Sequence[str]) -> None:
        self.model_key, self.unknown = model_key, tuple(unknown)
        super().__init__(
            f"model {model_key!r} in predictions.yml names features that are not there: "
            f"{', '.join(unknown)}; there are: {', '.join(known)}"
        )


class UnknownGroupError(PredictionError, ValueError):
    """The configuration compares groups by columns that profiles, or accounts, do not have."""

    def __init__(
        self, model_key: str, unknown: Sequence[str], known: Sequence[str], table: TableName
    ) -> None:
        self.model_key, self.unknown, self.table = model_key, tuple(unknown), table
        super().__init__(
            f"model {model_key!r} in predictions.yml compares groups by {', '.join(unknown)}, which "
            f"{table} does not have; there are: {', '.join(known)}"
        )


class SensitiveFeatureError(PredictionError, ValueError):
    """A rule needs a sensitive feature that the model names no use for."""

    def __init__(self, model_key: str, origins: Mapping[str, Sequence[str]]) -> None:
        self.model_key, self.origins = model_key, dict(origins)
        listed = "; ".join(f"{name} (from {', '.join(of)})" for name, of in origins.items())
        super().__init__(
            f"the rule of model {model_key!r} in predictions.yml needs sensitive features: {listed}; "
            "take them out of it, or name them under `sensitive` with what they are used for"
        )


class UnknownTraitError(PredictionError, ValueError):
    """A model predicts a state of a trait whose changes are not kept."""

    def __init__(self, model_key: str, trait: str, known: Sequence[str]) -> None:
        self.model_key, self.trait = model_key, trait
        super().__init__(
            f"model {model_key!r} in predictions.yml predicts a state of {trait!r}, of which no "
            f"history is kept: take one of marts.profiles of which it is: {', '.join(known) or 'none'}"
        )


class SensitiveTargetError(PredictionError, ValueError):
    """A model predicts a sensitive trait, and names no use for it."""

    def __init__(self, model_key: str, trait: str, origins: Sequence[str]) -> None:
        self.model_key, self.trait, self.origins = model_key, trait, tuple(origins)
        super().__init__(
            f"model {model_key!r} in predictions.yml predicts {trait!r}, which is sensitive (from "
            f"{', '.join(origins)}): name it under `sensitive` with what the scores are used for, or "
            "predict something else"
        )


class UnknownModelError(PredictionError, KeyError):
    """Nothing is known of a model of this key."""

    def __init__(self, model_key: str, known: Sequence[str]) -> None:
        self.model_key = model_key
        listed = ", ".join(known) or "none yet; `candor run` trains them"
        self.message = f"there is no model {model_key!r}; known: {listed}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class UnknownVersionError(PredictionError, KeyError):
    """A model has no such version."""

    def __init__(self, model_key: str, version: str, known: Sequence[str]) -> None:
        self.model_key, self.version = model_key, version
        self.message = (
            f"model {model_key!r} has no version {version!r}; it has: {', '.join(known)}; "
            f"`candor predict versions {model_key}` tells more"
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class RefusedVersionError(PredictionError, ValueError):
    """A version that failed its gates, or of which that is not known, cannot be put in force."""

    def __init__(self, model_key: str, version: str, reason: str) -> None:
        self.model_key, self.version = model_key, version
        super().__init__(
            f"version {version!r} of model {model_key!r} did not pass ({reason}): choose one that "
            f"`candor predict versions {model_key}` shows as passed, or train anew"
        )


class UnfitVersionError(PredictionError, ValueError):
    """A version that passed its gates cannot answer any more."""

    def __init__(self, model_key: str, version: str, reasons: Sequence[str]) -> None:
        self.model_key, self.version, self.reasons = model_key, version, tuple(reasons)
        super().__init__(
            f"version {version!r} of model {model_key!r} cannot answer: {'; '.join(reasons)}; choose "
            f"another that `candor predict versions {model_key}` shows, or train anew"
        )


class NoEarlierVersionError(PredictionError, LookupError):
    """There is no version to go back to."""

    def __init__(self, model_key: str) -> None:
        self.model_key = model_key
        super().__init__(
            f"nothing answered for model {model_key!r} before: name a version that "
            f"`candor predict versions {model_key}` shows"
        )


class UntrustedModelError(PredictionError, ValueError):
    """A model file holds types that it must not hold; nothing of it was loaded."""

    def __init__(self, path: Path, types: Sequence[str]) -> None:
        self.path, self.types = path, tuple(types)
        super().__init__(
            f"{path} holds types that are not trusted: {', '.join(types)}; nothing was loaded: "
            "remove the file and train again, and find out who changed it"
        )


class BrokenModelError(PredictionError, ValueError):
    """A model file is missing or is not one that Candor wrote."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path = path
        super().__init__(f"{path} is not a model that Candor wrote ({detail}): train again")


class ChangedModelError(BrokenModelError):
    """A file of a version is not the one that was recorded when the version was made."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path = path
        PredictionError.__init__(
            self,
            f"{path} is not the file that was recorded when the model was made ({detail}); nothing "
            "of it was loaded: take it from a backup, or remove its folder and train again with "
            "`candor run`, or let another version answer with `candor predict rollback`; and find "
            "out who changed it",
        )


class TooFewPurchasesError(PredictionError, ValueError):
    """Too few customers bought again for the parameters to exist."""

    def __init__(self, repeaters: int, needed: int) -> None:
        self.repeaters, self.needed = repeaters, needed
        super().__init__(
            f"{repeaters} customers bought again, {needed} are needed: "
            f"needs {needed - repeaters} more; until then say how long ago each bought"
        )
