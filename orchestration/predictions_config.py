"""Check the columns that predictions.yml names against those that dbt will build, before a run begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestration.inventory import dbt_columns
from prediction import PredictionsConfig, named_columns
from settings import ConfigurationError, unknown_name


def check_predictions(
    path: Path, config: PredictionsConfig, *, manifest: Callable[[], Path]
) -> None:
    """Refuse features, groups and traits that are not there, with their lines.

    Args:
        path: ``predictions.yml``.
        config: What it says.
        manifest: Finds the manifest of the dbt project; asked only where there is a model.

    Raises:
        settings.ConfigurationError: Names are of no column; all of them.
    """
    if not config.models:
        return
    columns = dbt_columns(manifest())
    problems = tuple(
        unknown_name(
            path, ("models", key, *column.location), column.name, column.known, what=column.of
        )
        for key, model in config.models.items()
        for column in named_columns(model, columns)
        if column.name not in column.known
    )
    if problems:
        raise ConfigurationError(path, problems)
