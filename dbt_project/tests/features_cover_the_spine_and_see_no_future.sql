-- Every wanted person and date has features, and none of them looks ahead.
{{ config(meta={'dagster': {'ref': {'name': 'features_as_of'}}}) }}

select
    spine.person_id,
    spine.as_of

from (
    select distinct
        person_id,
        as_of

    from {{ source('prediction', 'spine') }}
) as spine

left join {{ ref('features_as_of') }} as features
    on spine.person_id = features.person_id and spine.as_of = features.as_of

where
    features.person_id is null
    or features.days_since_last_seen < 0
    or features.days_since_last_seen > features.days_since_first_seen
