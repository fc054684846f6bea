{# Accounts by the number of their records; one that two sources give to different accounts names neither. #}
{% macro accounts_by_number() -%}
    select
        account_id as account_record_id,
        min(unified_account_id) as account_id

    from {{ ref('int_accounts__unified') }}

    where origin = 'record'

    group by account_id

    having count(distinct unified_account_id) = 1
{%- endmacro %}
