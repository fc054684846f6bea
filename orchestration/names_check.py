"""What configuration files name of columns, models, blocks and sources, looked for before a run begins.

Columns are those that dbt will build, so that nothing must have been loaded: a name that is not there
is told before anything is written or sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, partial
from typing import TYPE_CHECKING

from audiences import InvalidAudienceError, misnamed, readable_audiences
from audiences.sync import DestinationsConfig
from audiences.sync.config import SyncSettings
from ingestion.config import RESERVED
from ingestion.presets import row_kind
from measurement import unfit_segments
from measurement.config import Experiment, Exposure, RecordCondition, Segment
from orchestration.inventory import dbt_tables, dbt_types, dbt_views, python_tables
from orchestration.manifest import parsed_project
from personalization import Block, ContentConfig, EmailBlock
from personalization import unfit_rules as unfit_email_rules
from prediction import PredictionsConfig
from privacy import ConsentConfig, RetentionConfig
from privacy import unfit_rules as unfit_retention
from settings import ConfigurationError, Problem, load_config, problem_at, unknown_name
from warehouse import TableName

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration.company import Company

PROFILES = TableName("marts", "profiles")
PERSON_RECORDS = "person_records"
Place = tuple[str | int, ...]
# What cannot be sent as it is in the profile: ``score:MODEL`` sends one.
_NOT_SENT = frozenset({"scores"})
# Kinds of fields that a block is asked for, and where blocks stand.
_CHOSEN = {"recommendation": "blocks", "email_block": "email_blocks"}
_PREDICTED = frozenset({"score", "decile", "score_source"})
# So alike are a name and its misspelling; hubspot_contacts and contacts (.67) are two sources.
_SLIP = 0.8


@dataclass(frozen=True)
class NamesCheck:
    """One company's files, and what they may name.

    Attributes:
        company: Whose they are.
    """

    company: Company

    def readers(self) -> Iterator[Callable[[], object]]:
        """One check for each file but destinations.yml."""
        yield self._audiences
        for name, problems in (
            ("experiments", self._measured),
            ("content", self._ruled),
            ("retention", self._kept),
            ("consent", self._exempt),
        ):
            yield partial(self._refuse, self.company.paths.config / f"{name}.yml", problems)

    def refuse_sent(self) -> None:
        """Refuse columns, models and blocks that syncs send and that are not there.

        Raises:
            ConfigurationError: Some are not.
        """
        self._refuse(self._destinations, self._sent)

    def refuse_chosen(self) -> None:
        """The same of models and blocks alone, which is told without the dbt project."""
        self._refuse(self._destinations, self._chosen)

    def unchosen(self, key: str) -> tuple[str, ...]:
        """The models and blocks that one sync sends and that are not there, each in a sentence."""
        return tuple(map(str, self._of_fields(self._destinations, key, self._syncs[key])))

    @property
    def _destinations(self) -> Path:
        return self.company.paths.config / "destinations.yml"

    @cached_property
    def _syncs(self) -> Mapping[str, SyncSettings]:
        return load_config(self._destinations, DestinationsConfig).syncs

    @cached_property
    def _manifest(self) -> Path:
        return parsed_project(self.company.paths).manifest

    @cached_property
    def _types(self) -> Mapping[TableName, Mapping[str, str]]:
        return dbt_types(self._manifest)

    @cached_property
    def _models(self) -> Collection[str]:
        path = self.company.paths.config / "predictions.yml"
        return load_config(path, PredictionsConfig, missing_ok=True).models.keys()

    @cached_property
    def _content(self) -> ContentConfig:
        return self.company.content

    @cached_property
    def _experiments(self) -> Mapping[str, Experiment]:
        return self.company.experiments.experiments

    @property
    def _profile(self) -> Mapping[str, str]:
        return self._types[PROFILES]

    def _refuse(self, path: Path, problems: Callable[[Path], Iterator[Problem]]) -> None:
        found = tuple(problems(path)) if path.exists() else ()
        if found:
            raise ConfigurationError(path, found)

    def _audiences(self) -> None:
        audiences, others = readable_audiences(self.company.paths.config / "audiences")
        problems = misnamed(audiences, self._types) if audiences and not others else ()
        if problems:
            raise InvalidAudienceError(problems)

    def _sent(self, path: Path) -> Iterator[Problem]:
        """Columns, models and blocks that syncs send and that are not there."""
        for key, sync in self._syncs.items():
            at: Place = ("syncs", key)
            for place, trait in _traits(sync):
                known = self._profile.keys() - _NOT_SENT
                if trait not in known:
                    what = f"columns of {PROFILES}"
                    yield unknown_name(path, (*at, *place), trait, known, what=what)
            yield from self._of_fields(path, key, sync)

    def _chosen(self, path: Path) -> Iterator[Problem]:
        for key, sync in self._syncs.items():
            yield from self._of_fields(path, key, sync)

    def _of_fields(self, path: Path, key: str, sync: SyncSettings) -> Iterator[Problem]:
        for name, source in sync.fields.items():
            kind, _, of = source.partition(":")
            yield from self._of_field(path, ("syncs", key, "fields", name), kind, of)

    def _of_field(self, path: Path, place: Place, kind: str, of: str) -> Iterator[Problem]:
        """What is wrong with the model or the place in a block that one field names."""
        name, _, rest = of.partition(":")
        number = rest.partition(":")[0]
        if kind in _PREDICTED:
            if name not in self._models:
                what = "models of predictions.yml"
                yield unknown_name(path, place, name, self._models, what=what)
        elif kind in _CHOSEN:
            sizes = {key: block.size for key, block in self._blocks(kind).items()}
            if name not in sizes:
                what = f"{_CHOSEN[kind]} of content.yml"
                yield unknown_name(path, place, name, sizes, what=what)
            elif number.isdigit() and int(number) > sizes[name]:
                last = f"{name} of content.yml has size {sizes[name]}: there is no later place"
                yield problem_at(path, place, repr(f"{kind}:{of}"), last)

    def _blocks(self, kind: str) -> Mapping[str, Block | EmailBlock]:
        content = self._content
        return {**(content.blocks if kind == "recommendation" else content.email_blocks)}

    def _measured(self, path: Path) -> Iterator[Problem]:
        """Columns, sources and blocks that experiments name and that are not there."""
        for key, experiment in self._experiments.items():
            at: Place = ("experiments", key)
            if experiment.segments:
                for place, name, problem in unfit_segments(experiment.segments, self._profile):
                    yield problem_at(path, (*at, *place), repr(name), problem)
                yield from self._of_records(path, at, experiment.segments)
            yield from self._of_exposure(path, (*at, "exposure"), experiment.exposure)

    def _of_records(self, path: Path, at: Place, segments: Sequence[Segment]) -> Iterator[Problem]:
        sources = self.company.sources.sources.items()
        known = RESERVED | {name for name, one in sources if row_kind(one.kind) == PERSON_RECORDS}
        for part, segment in enumerate(segments):
            for number, condition in enumerate(segment.when):
                name = condition.record if isinstance(condition, RecordCondition) else None
                if name is not None and name not in known:
                    place = (*at, "segments", part, "when", number, "record")
                    yield unknown_name(path, place, name, known, what="sources of person records")

    def _of_exposure(self, path: Path, at: Place, exposure: Exposure) -> Iterator[Problem]:
        """Blocks and slots that nothing answers for."""
        content = self._content
        varied = {key for key, experiment in self._experiments.items() if experiment.variants}
        slots = {*content.blocks, *varied}
        for key, name, known, what in (
            ("slot", exposure.slot, slots, "blocks of content.yml and experiments with variants"),
            ("email_block", exposure.email_block, content.email_blocks, "email_blocks of content.yml"),
        ):  # fmt: skip
            if name is not None and name not in known:
                yield unknown_name(path, (*at, key), name, known, what=what)

    def _ruled(self, path: Path) -> Iterator[Problem]:
        """Columns that rules of mailings name, and blocks that are called as an experiment is."""
        content = load_config(path, ContentConfig)
        for key, block in content.email_blocks.items():
            if block.rules:
                for place, name, problem in unfit_email_rules(block, self._profile):
                    yield problem_at(path, ("email_blocks", key, *place), repr(name), problem)
        for key, experiment in self._experiments.items():
            if experiment.variants and key in content.blocks:
                what = (
                    "an experiment with variants has the same key, and both are slots: rename one"
                )
                yield problem_at(path, ("blocks", key), repr(key), what)

    def _kept(self, path: Path) -> Iterator[Problem]:
        """Tables, columns and sources that are to be kept for some days and are not there."""
        retention = load_config(path, RetentionConfig)
        if retention.tables:
            tables = (*python_tables(), *dbt_tables(self._manifest))
            views = dbt_views(self._manifest)
            for name, problem in unfit_retention(retention, tables, views=views):
                yield problem_at(path, ("tables", name), repr(name), problem)
        yield from self._of_sources(path, ("landing", "sources"), retention.landing.sources)

    def _exempt(self, path: Path) -> Iterator[Problem]:
        """Sources that consent.yml names and that are not there."""
        consent = load_config(path, ConsentConfig)
        yield from self._of_sources(path, ("exempt_sources",), consent.exempt_sources)
        yield from self._of_sources(path, ("customer_id_sources",), consent.customer_id_sources)

    def _of_sources(self, path: Path, at: Place, names: Collection[str]) -> Iterator[Problem]:
        """Slips in names of sources; one that is like no other may be of a source that was taken out."""
        known = RESERVED | set(self.company.sources.sources)
        for number, name in enumerate(names):
            if name not in known and get_close_matches(name, known, n=1, cutoff=_SLIP):
                place = (*at, name if isinstance(names, Mapping) else number)
                yield unknown_name(path, place, name, known, what="sources")


def _traits(sync: SyncSettings) -> Iterator[tuple[Place, str]]:
    """Every column of profiles that a sync sends, and where it is named."""
    for number, trait in enumerate(sync.traits):
        yield ("traits", number), trait
    for number, identifier in enumerate(sync.identifiers):
        if identifier.trait is not None:
            yield ("identifiers", number, "trait"), identifier.trait
    for name, source in sync.fields.items():
        kind, _, of = source.partition(":")
        if kind == "trait":
            yield ("fields", name), of
