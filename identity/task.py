"""What one run is given, and what its steps hand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from identity.config import IdentityConfig
from identity.constrain import Trust
from identity.knowledge import Knowledge
from identity.stopwatch import Stopwatch
from identity.train import FieldParameters
from warehouse import Warehouse

Progress = Callable[[str, float | None], None]
STEP = "Resolving identities"


@dataclass(frozen=True, slots=True)
class Task:
    """What one run is given; see ``resolve``."""

    warehouse: Warehouse
    config: IdentityConfig
    artifacts: Path
    seed: int
    default_region: str
    now: datetime
    progress: Progress
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def settings(self) -> str:
        """What the caller sets besides the configuration, as far as it changes persons."""
        return f"{self.default_region}|{self.seed}"

    @property
    def path(self) -> Path:
        """The file of what was learned."""
        return self.artifacts / "identity" / "match_parameters.json"


@dataclass(frozen=True, slots=True)
class Weighing:
    """The model's part: None and empty where rules alone decide."""

    threshold: float | None
    fields: tuple[FieldParameters, ...]
    trust: Trust
    once: Mapping[str, float]

    @classmethod
    def by(cls, known: Knowledge | None) -> Weighing:
        """What some knowledge weighs by."""
        if known is None:
            return cls(None, (), Trust(), {})
        mixture = known.mixture
        return cls(known.threshold, mixture.fields(known.fields), known.trust, mixture.once)
