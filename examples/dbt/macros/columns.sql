{# The type of exact amounts. DuckDB's `numeric` alone keeps three digits after the point. #}
{% macro type_amount() %}
    {{ return(adapter.dispatch('type_amount', 'kayzen')()) }}
{% endmacro %}

{% macro default__type_amount() %}{{ return(dbt.type_numeric()) }}{% endmacro %}

{% macro postgres__type_amount() %}{{ return('numeric') }}{% endmacro %}

{% macro duckdb__type_amount() %}{{ return('decimal(38, 12)') }}{% endmacro %}


{# Cast a column to an exact amount. #}
{% macro amount(column) %}
    {{- adapter.dispatch('amount', 'kayzen')(column) -}}
{% endmacro %}

{% macro default__amount(column) %}
    {{- 'cast(' ~ column ~ ' as ' ~ kayzen.type_amount() ~ ')' -}}
{% endmacro %}

{# By way of text: cast directly, 0.1 as a double gets digits that nobody sent. #}
{% macro duckdb__amount(column) %}
    {{- 'cast(cast(' ~ column ~ ' as varchar) as ' ~ kayzen.type_amount() ~ ')' -}}
{% endmacro %}


{# Divide exactly, rounded to six digits; null if there is nothing to divide by. #}
{% macro ratio(numerator, denominator) %}
    {{- 'cast(cast(' ~ numerator ~ ' as ' ~ kayzen.type_amount() ~ ')' -}}
    {{- ' / nullif(' ~ denominator ~ ', 0) as decimal(38, 6))' -}}
{% endmacro %}


{# Cast the end of a campaign or creative; 2038 stands for no end. #}
{% macro end_or_null(column) %}
    {%- set type = dbt.type_timestamp() -%}
    {{- 'nullif(cast(' ~ column ~ ' as ' ~ type ~ "), cast('2038-01-01' as " ~ type ~ '))' -}}
{% endmacro %}


{#
    Cast a column to JSON. target-postgres writes JSON's own null where a record has
    nothing, and stores the text in Parquet files as a JSON string; this returns SQL's
    null, and the object or list.
#}
{% macro json_or_null(column) %}
    {{- adapter.dispatch('json_or_null', 'kayzen')(column) -}}
{% endmacro %}

{% macro default__json_or_null(column) %}{{- column -}}{% endmacro %}

{% macro postgres__json_or_null(column) %}
    nullif(
        case jsonb_typeof(cast({{ column }} as jsonb))
            when 'string' then cast(cast({{ column }} as jsonb) #>> '{}' as jsonb)
            else cast({{ column }} as jsonb)
        end,
        'null'
    )
{%- endmacro %}

{% macro duckdb__json_or_null(column) %}
    nullif(
        case json_type(cast({{ column }} as json))
            when 'VARCHAR' then cast(cast({{ column }} as json) ->> '$' as json)
            else cast({{ column }} as json)
        end,
        'null'
    )
{%- endmacro %}
