"""Sensitive columns that audiences use, found by lineage, however many models lie between."""

from __future__ import annotations

from collections import defaultdict

from audiences import require_uses, used_columns
from orchestration.company import Company
from orchestration.lineage import Project
from orchestration.manifest import parsed_project


def require_sensitive_uses(company: Company) -> None:
    """Refuse audiences that use what is sensitive and do not say what for.

    Raises:
        InvalidAudienceError: All places where a use is missing.
        DbtProjectError: dbt cannot parse the project.
    """
    sent: dict[str, set[str]] = defaultdict(set)
    for sync in company.syncs:
        sent[sync.audience].update(field.of for field in sync.values if field.kind == "trait")
    project = Project.read(parsed_project(company.paths).manifest, company.paths.dbt)
    require_uses(
        company.audiences,
        sent,
        {
            (relation, name): origins
            for relation, names in _by_relation(company, project, sent).items()
            for name, origins in project.sensitive_columns(names, relation=relation).items()
        },
    )


def _by_relation(
    company: Company, project: Project, sent: dict[str, set[str]]
) -> dict[str, set[str]]:
    """The columns that are used and are there; of a name that is not, others tell."""
    found: dict[str, set[str]] = defaultdict(set)
    for relation, name in used_columns(company.audiences, sent):
        if name in project.described(relation):
            found[relation].add(name)
    return found
