{# Leave out rows marked as deleted, if the target keeps such marks. #}
{% macro without_deleted(relation) %}
    {%- if kayzen.has_column(relation, '_sdc_deleted_at') -%}
where _sdc_deleted_at is null
    {%- endif -%}
{% endmacro %}


{# Return whether a table has a column. #}
{% macro has_column(relation, column) %}
    {%- set columns = adapter.get_columns_in_relation(relation) if execute else [] -%}
    {{ return(column in columns | map(attribute='name') | map('lower') | list) }}
{% endmacro %}
