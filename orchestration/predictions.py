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
        DbtProjectError: dbt cannot parse the project.
    """
    manifest = parsed_project(company.paths).manifest
    sensitive = Project.read(manifest, company.paths.dbt).sensitive_features()
    return without_sensitive(company.predictions, sensitive)
