"""What Candor says of another company's people, beside what is true of them.

The bounds are of what holds on any such company, not the figures of these files; those stand in
docs/measurements.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from prediction.stability import adjusted_rand
from tests.fernhill.conftest import Run
from warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(900)]

MIN_TRAPS = 140
# Of 135 people who did it the standard error is .023.
MIN_AUC = 0.72
MAX_CALIBRATION_ERROR = 0.03
MIN_RAND = 0.60
# Where what Candor holds of a true person is one person with one answer.
MIN_CONSENT = 0.995


@pytest.fixture(scope="module")
def known(run: Run, fernhill: Path) -> Iterator[DuckDBWarehouse]:
    """The run's warehouse with the truth beside it; view ``held``: whose records and browsers we hold."""
    with DuckDBWarehouse.open(run.home / "warehouse.duckdb") as warehouse:
        for name in ("records", "devices", "traps", "propensity", "personas", "consent_final"):
            warehouse.execute(
                f"create or replace temp view true_{name} as select * from "
                f"read_csv('{fernhill}/truth/{name}.csv', all_varchar = true)"
            )
        warehouse.execute(
            """
            create or replace temp view ours as
            select source, source_record_id, person_id from identity.members
            union all
            select 'devices', anonymous_id, case when not is_shared then person_id end
            from identity.devices
            """
        )
        warehouse.execute(
            """
            create or replace temp view held as
            select distinct truth.person_id as true_person_id, ours.person_id
            from (
                select source, source_record_id, person_id from true_records
                where ambiguous = '0'
                union all
                select 'devices', anonymous_id, person_id from true_devices
            ) as truth
            inner join ours using (source, source_record_id)
            where ours.person_id is not null
            """
        )
        yield warehouse


def test_most_traps_are_right(known: DuckDBWarehouse) -> None:
    kinds = known.read(
        """
        with entries as (
            select
                row_number() over () as entry, trap_id, trap_type,
                true_traps.person_id as true_person_id, ours.person_id
            from true_traps
            left join ours using (source, source_record_id)
        ),
        judged as (
            select
                one.trap_id, one.trap_type,
                bool_and(
                    (one.true_person_id = other.true_person_id)
                    = coalesce(one.person_id = other.person_id, false)
                ) as is_right
            from entries as one
            inner join entries as other
                on one.trap_id = other.trap_id and one.entry < other.entry
            group by all
        )
        select trap_type, count(*) filter (is_right) as kept, count(*) as traps
        from judged group by all order by all
        """
    ).to_pylist()

    assert sum(kind["traps"] for kind in kinds) == 178
    assert sum(kind["kept"] for kind in kinds) >= MIN_TRAPS, kinds


def test_scores_foretell_who_starts_a_trial(known: DuckDBWarehouse) -> None:
    asked = known.read(
        """
        select outcome_30d = '1' as did, max(score) as score
        from true_propensity
        inner join held on held.true_person_id = true_propensity.person_id
        inner join prediction.propensity_scores as scores on scores.person_id = held.person_id
        where model_key = 'trial' and as_of = cast(cutoff as timestamp)
        group by true_propensity.person_id, did
        """
    )
    did, scores = (asked[name].to_numpy(zero_copy_only=False) for name in ("did", "score"))

    assert len(did) > 1_900
    assert roc_auc_score(did, scores) >= MIN_AUC
    tenths = np.array_split(np.argsort(scores, kind="stable"), 10)
    gaps = [abs(did[tenth].mean() - scores[tenth].mean()) * len(tenth) for tenth in tenths]
    assert sum(gaps) / len(did) <= MAX_CALIBRATION_ERROR


def test_readers_are_grouped_as_they_are(known: DuckDBWarehouse) -> None:
    readers = known.read(
        """
        select any_value(persona) as persona, min(persona_id) as found
        from true_personas
        inner join held on held.true_person_id = true_personas.person_id
        inner join prediction.persona_members as members on members.person_id = held.person_id
        where cast(content_views as integer) >= 5 and persona_id is not null
        group by true_personas.person_id
        """
    )
    personas, found = (
        np.unique(readers[name].to_numpy(zero_copy_only=False), return_inverse=True)[1]
        for name in ("persona", "found")
    )

    assert len(found) > 1_500
    assert adjusted_rand(personas, found) >= MIN_RAND


def test_what_a_person_decided_last_holds(known: DuckDBWarehouse) -> None:
    answers = known.read(
        """
        select any_value(truth.status) as truth, min(ours.status) as ours
        from true_consent_final as truth
        inner join held on held.true_person_id = truth.subject_id
        inner join marts.consent_current as ours
            on ours.person_id = held.person_id and ours.purpose = truth.purpose
        group by truth.subject_id, truth.purpose
        having count(distinct ours.status) = 1
        """
    ).to_pylist()

    right = sum(answer["truth"] == answer["ours"] for answer in answers)
    assert len(answers) > 7_000
    assert right / len(answers) >= MIN_CONSENT
