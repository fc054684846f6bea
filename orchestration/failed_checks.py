"""What a check that did not pass found, what was expected, and what to do about it, in one sentence each.

Found are counts, names of the configuration and reasons, as checks record them: never a value of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

_DBT = (
    "`candor ui` shows the test's SQL on the asset: correct the file or mapping that the rows came from, "
    "then run again"
)
_OURS = "this is a fault of Candor: keep the data home as it is and report it with the run's id"
# What to do where a check did not pass, by its name.
ADVICE: Mapping[str, str] = {
    "every_row_is_accounted_for": _OURS,
    "every_file_could_be_read": "repair or remove the files, then run again",
    "every_mapped_field_was_found": "look whether the export renamed the field, and correct `map` in sources.yml",
    "events_keep_the_tracking_plan": "`candor contracts` names the fields: correct the tracker or the contract",
    "rows_are_as_expected": "look at the export of that table's source, or change expectations.yml",
    "rows_may_be_built_on": "look at what `rows_are_as_expected` of the table found; expectations.yml says whether "
    "it stops a run",
    "every_source_could_be_pulled": "see `candor pull`, and look whether the other side can be reached",
    "every_record_has_one_person": _OURS,
    "no_person_has_too_many_records": "find the value that they share: add it to blocked_values in identity.yml, or "
    "raise max_records_per_person",
    "every_table_and_column_is_classified": "describe the column in its model's yml with meta.pii, or drop the table",
    "no_task_at_a_destination_is_overdue": "`candor privacy task list` names them: ask each destination, then note it "
    "with `candor privacy task done`",
    "scores_are_probabilities": _OURS,
    "account_scores_are_probabilities": _OURS,
    "published_models_passed_their_gates": _OURS,
    "probabilities_came_true": "`candor predict show` says how far off; do not act on the scores until it is trained "
    "anew: `candor run --job retrain`",
    "scores_stay_as_they_were": "`candor predict show` says what moved; nothing must be done unless a source changed",
    "every_block_has_content": "widen the block's filters in content.yml, or publish content for it",
    "everyone_recommended_to_has_agreed": _OURS,
    "nobody_is_mailed_by_what_they_read_without_having_agreed": _OURS,
    "no_slot_of_a_mailing_is_empty": "add defaults to the block in content.yml, then run again",
    "everyone_with_a_search_profile_has_agreed": _OURS,
    "no_member_lacks_consent": _OURS,
    "arms_have_the_intended_sizes": "compare `shares` in experiments.yml with what the site draws; do not believe the "
    "verdicts meanwhile",
    "no_held_out_person_was_sent": "`candor sync status` names the sync: `candor run` takes them out there again",
    "every_sync_ran_to_its_end": "`candor sync status` says which and why",
    "every_row_that_was_due_arrived": "`candor sync status` says why; what did not arrive is sent in the next run",
    "every_logged_line_is_a_decision": "the lines are kept beside the log: look what else writes into it",
    "few_persons_change_without_a_reason": "`candor identity plan` shows them; `candor run --accept-identity-changes` "
    "publishes them",
}  # fmt: skip
_MOST = 5
Specs = Mapping[dg.AssetCheckKey, dg.AssetCheckSpec]


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """One check that did not pass.

    Attributes:
        name: Asset and check.
        expected: What the check claims.
        found: What it found in its place.
        advice: What to do.
    """

    name: str
    expected: str
    found: str
    advice: str

    def __str__(self) -> str:
        return (
            f"{self.name}: found {self.found}; expected: {self.expected.rstrip('.')}; {self.advice}"
        )


def tell_failed(check: dg.AssetCheckEvaluation, specs: Specs) -> FailedCheck:
    """Say what one check found.

    Args:
        check: As it was recorded.
        specs: What is declared of each check, by its key.
    """
    spec = specs.get(check.asset_check_key)
    claim = spec.description if spec is not None else None
    return FailedCheck(
        name=f"{check.asset_key.to_user_string()}: {check.check_name}",
        expected=_first_paragraph(claim) or check.check_name.replace("_", " "),
        found=check.description or ", ".join(_facts(check.metadata)) or "that it does not hold",
        advice=ADVICE.get(check.check_name, _DBT),
    )


def _first_paragraph(text: str | None) -> str:
    """The claim itself, without what a longer text adds to it."""
    return " ".join((text or "").strip().split("\n\n", 1)[0].split())


def _facts(metadata: Mapping[str, Any]) -> Iterator[str]:
    """What was recorded and says something: counts above 0, names, reasons."""
    for name, value in metadata.items():
        told = _plain(value.value)
        if told and not name.startswith("dagster"):
            yield f"{name.replace('_', ' ')}: {told}"


def _plain(value: object) -> str:
    if isinstance(value, dg.TableMetadataValue):
        return _plain([" ".join(map(str, row.data.values())) for row in value.records])
    if isinstance(value, list):
        more = f" and {len(value) - _MOST} more" if len(value) > _MOST else ""
        return f"{', '.join(map(str, value[:_MOST]))}{more}"
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, int | float):
        return f"{value:,}" if value else ""
    return value if isinstance(value, str) and value not in {"none", "nothing"} else ""
