{#- Whether a source keeps accounts for the persons in them: at least one in ten of the accounts that
persons' records name are its own. All others describe companies for their own sake, and an id of
theirs may be such a name by chance. prediction/account_rows.py has the same rule for accounts. -#}

{% macro keeps_accounts(own_named_count, named_count) -%}
    {{ own_named_count }} * 10 >= {{ named_count }}
{%- endmacro %}
