-- Generated from the tap's schemas by `make docs-pages`.
{{ config(enabled=kayzen.loads('campaign_performance')) }}

select
    cast(_key as {{ dbt.type_string() }}) as performance_key,
    cast(advertiser_id as {{ dbt.type_bigint() }}) as advertiser_id,
    cast(day as date) as day,
    cast(campaign_id as {{ dbt.type_bigint() }}) as campaign_id,
    cast(campaign_name as {{ dbt.type_string() }}) as campaign_name,
    cast(impressions as {{ dbt.type_bigint() }}) as impressions,
    cast(clicks as {{ dbt.type_bigint() }}) as clicks,
    cast(installs as {{ dbt.type_bigint() }}) as installs,
    cast(conversions as {{ dbt.type_bigint() }}) as conversions,
    {{ kayzen.amount('advertiser_spend') }} as spend,
    {{ kayzen.amount('revenue_ltv') }} as revenue,
    {{ kayzen.json_or_null('_extra') }} as extra
from {{ source('kayzen', 'campaign_performance') }}
