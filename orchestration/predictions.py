"""What predictions.yml says, without the sensitive features that no model names a use for."""

from __future__ import annotations

from orchestration.company import Company
from orchestration.lineage import Project
from orchestration.manifest import parsed_project
from prediction import PredictionsConfig, without_sensitive


def allowed_predictions(company: Company) -> PredictionsConfig:
    """The models as they may be used: sensitive features left out, found by lineage.

    Raises:
        SensitiveFeatureError: The rule of a model needs one of them.
        SensitiveTargetError: A model predicts what is sensitive and names no use for it.
        DbtProjectError: dbt cannot parse the project.
    """
    manifest = parsed_project(company.paths).manifest
    project, states = Project.read(manifest, company.paths.dbt), _states(company.predictions)
    return without_sensitive(
        company.predictions,
        project.sensitive_columns(),
        project.sensitive_columns(states, relation="marts.profiles") if states else {},
    )


def _states(config: PredictionsConfig) -> list[str]:
    """The traits that models predict."""
    targets = [model.target.state for model in config.models.values()]
    return sorted({state.trait for state in targets if state})
