{#
    Whether the status of an order says that its money is there, or says nothing. A word that is not
    known is no payment. ingestion/status_words.py has the same words, and tells of unknown ones.
#}
{% macro is_paid(status) -%}
    coalesce(
        replace(replace({{ status }}, ' ', '_'), '-', '_') in ({{ quoted_list(paid_statuses()) }}), true
    )
{%- endmacro %}

{% macro paid_statuses() -%}
    {{ return([
        'paid', 'complete', 'completed', 'succeeded', 'success', 'successful', 'captured',
        'settled', 'processing', 'processed', 'fulfilled', 'shipped', 'delivered',
        'partially_refunded'
    ]) }}
{%- endmacro %}

{# The ISO code of a currency that is written as a sign or in small letters. #}
{% macro currency_code(column) -%}
    {%- set code = 'upper(' ~ clean_text(column) ~ ')' -%}
    case {{ code }}
        when '€' then 'EUR'
        when '$' then 'USD'
        when 'US$' then 'USD'
        when '£' then 'GBP'
        else {{ code }}
    end
{%- endmacro %}
