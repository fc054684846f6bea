{#
    Whether a subscription runs at a date. What has not begun or has ended does not run; a word for
    its end counts where no date says it. One that was cancelled runs until its end.
#}
{% macro is_running(row, as_of) -%}
    (
        coalesce({{ row }}.started_at <= {{ as_of }}, true)
        and coalesce({{ row }}.ended_at > {{ as_of }}, not {{ is_idle(row ~ '.status') }})
    )
{%- endmacro %}

{#
    Whether the word is one for a subscription that does not run: it ended or never began.
    ingestion/status_words.py has the same words, and tells of unknown ones.
#}
{% macro is_idle(status) -%}
    coalesce(
        replace(replace({{ status }}, ' ', '_'), '-', '_') in (
            'cancelled', 'canceled', 'ended', 'expired', 'terminated', 'inactive', 'closed', 'churned',
            'unpaid', 'incomplete', 'incomplete_expired', 'refunded', 'failed', 'pending'
        ),
        false
    )
{%- endmacro %}

{#
    What a subscription brings in a month: as told, else by the price of a period that is known.
    ingestion/status_words.py has the same words, and tells of unknown ones.
#}
{% macro monthly_revenue(row) -%}
    coalesce(
        {{ row }}.mrr,
        case
            when {{ row }}.billing_period in ('month', 'monthly', 'months') then {{ row }}.amount
            when {{ row }}.billing_period in ('quarter', 'quarterly', 'quarters')
                then {{ row }}.amount / 3
            when {{ row }}.billing_period in ('year', 'yearly', 'years', 'annual', 'annually')
                then {{ row }}.amount / 12
        end
    )
{%- endmacro %}

{#
    won, lost or open; null where the source says neither. What a source says of it counts before
    the name of its stage, and that before a mere "closed", which may be either.
#}
{% macro deal_outcome(row) -%}
    {%- set stage = "replace(replace(replace(" ~ row ~ ".stage, ' ', ''), '_', ''), '-', '')" -%}
    case
        when {{ row }}.is_won then 'won'
        when {{ row }}.is_closed and not {{ row }}.is_won then 'lost'
        when not {{ row }}.is_closed then 'open'
        when {{ stage }} in ('won', 'closedwon') then 'won'
        when {{ stage }} in ('lost', 'closedlost') or {{ row }}.is_closed then 'lost'
        when {{ row }}.stage is not null then 'open'
    end
{%- endmacro %}

{#
    The sum of the amounts where a condition holds; null where there is none, or in several
    currencies. A row without an amount, such as a free plan, has no say in the currency.
#}
{% macro sum_of_one_currency(amount, condition) -%}
    case
        when {{ currency_count(amount, condition) }} = 1
            then {{ exact_sum('case when ' ~ condition ~ ' then ' ~ amount ~ ' end') }}
    end
{%- endmacro %}

{# The currency of such a sum; null where there is no sum or the source names none. #}
{% macro one_currency(amount, condition) -%}
    case
        when {{ currency_count(amount, condition) }} = 1
            then max(
                case when {{ condition }} and {{ amount }} is not null then {{ named_currency('currency') }} end
            )
    end
{%- endmacro %}

{# Different currencies of the amounts where a condition holds; none given is one, and so is a sign of several. #}
{% macro currency_count(amount, condition) -%}
    count(
        distinct case
            when {{ condition }} and {{ amount }} is not null then coalesce(currency, '')
        end
    )
{%- endmacro %}

{#
    Common table expressions that find whose a row of ``kind`` is: ``attributed`` has its columns,
    person_id and unified_account_id. The record that it names counts before the address. The
    account is the one that it names, unless two sources give its number to different ones; a row
    that names none is of the person's company.
#}
{% macro attributed_dealings(kind) -%}
members as (

    select * from {{ source('identity', 'members') }}

),

numbered as (

    {{ accounts_by_number() }}

),

personal as (

    select
        {{ kind }}.*,
        coalesce(records.person_id, emails.person_id) as person_id

    from {{ kind }}

    left join members as records
        on
            {{ kind }}.person_source = records.source
            and {{ kind }}.person_record_id = records.source_record_id

    left join members as emails
        on
            emails.source = 'emails'
            and {{ kind }}.person_email = emails.source_record_id

),

attributed as (

    select
        personal.*,
        case
            when personal.account_id is null then employed.account_id
            else numbered.account_id
        end as unified_account_id

    from personal

    left join numbered
        on personal.account_id = numbered.account_record_id

    left join {{ ref('int_persons__employed') }} as employed
        on personal.person_id = employed.person_id

)
{%- endmacro %}
