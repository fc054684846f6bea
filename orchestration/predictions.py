"""What predictions.yml says, without the sensitive features that no model names a use for."""

from __future__ import annotations

from orchestration.company import Company
from orchestration.lineage import PROFILES, Project
from orchestration.manifest import parsed_project
from prediction import PredictionsConfig, without_sensitive


def allowed_predictions(company: Company) -> PredictionsConfig:
    """The models as they may be used: sensitive features left out, found by lineage.

    Raises:
        SensitiveFeatureError: The rule of a model needs one of them.
        UnknownTraitError: A model predicts a state of a trait of which no history is kept.
        SensitiveTargetError: A model predicts what is sensitive and names no use for it.
        DbtProjectError: dbt cannot parse the project.
    """
    manifest = parsed_project(company.paths).manifest
    project = Project.read(manifest, company.paths.dbt)
    kept = project.history_columns
    states = _states(company.predictions) & kept  # of others nothing can be traced
    return without_sensitive(
        company.predictions,
        project.sensitive_columns(),
        project.sensitive_columns(states, relation=PROFILES) if states else {},
        kept=kept,
    )


def _states(config: PredictionsConfig) -> frozenset[str]:
    """The traits that models predict."""
    targets = [model.target.state for model in config.models.values()]
    return frozenset(state.trait for state in targets if state)
