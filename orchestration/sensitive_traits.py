"""Sensitive columns that audiences use, found by lineage, however many models lie between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from audiences import InvalidAudienceError, missing_uses, used_columns
from audiences.sync import Sync
from orchestration.company import Company
from orchestration.lineage import UNBUILT, UNTRACED, Project
from orchestration.manifest import parsed_project


def require_sensitive_uses(company: Company) -> None:
    """Refuse audiences that use what is sensitive and do not say what for.

    Raises:
        InvalidAudienceError: All places where a use is missing.
        DbtProjectError: dbt cannot parse the project.
    """
    problems = missing_sensitive_uses(company).values()
    if problems:
        raise InvalidAudienceError([*dict.fromkeys(one for told in problems for one in told)])


def missing_sensitive_uses(company: Company) -> Mapping[str, tuple[str, ...]]:
    """By the key of each audience, where it uses what is sensitive and does not say what for.

    Raises:
        DbtProjectError: dbt cannot parse the project.
    """
    project = Project.read(parsed_project(company.paths).manifest, company.paths.dbt)
    if not project.sensitive:
        return {}
    sent: dict[str, set[str]] = defaultdict(set)
    for sync in company.syncs:
        sent[sync.audience].update(_traits_of(sync))
    found = {
        (relation, name): origins
        for relation, names in _by_relation(company, project, sent).items()
        for name, origins in project.sensitive_columns(names, relation=relation).items()
    }
    unknown = {column for column, origins in found.items() if _is_unknown(origins)}
    sensitive = {column: origins for column, origins in found.items() if column not in unknown}
    return missing_uses(company.audiences, sent, sensitive, unknown=unknown)


def _traits_of(sync: Sync) -> Iterator[str]:
    """Columns of profiles that are sent: values, and ids that a column holds."""
    yield from (field.of for field in sync.values if field.kind == "trait")
    yield from (one.trait for one in sync.identifiers if one.trait)


def _is_unknown(origins: Iterable[str]) -> bool:
    """Whether nothing that is marked was found, and SQL is missing in which more could be."""
    return UNBUILT in origins and not set(origins) - {UNBUILT, UNTRACED}


def _by_relation(
    company: Company, project: Project, sent: dict[str, set[str]]
) -> dict[str, set[str]]:
    """The columns that are used and are there; of a name that is not, others tell."""
    found: dict[str, set[str]] = defaultdict(set)
    for relation, name in used_columns(company.audiences, sent):
        if name in project.described(relation):
            found[relation].add(name)
    return found
