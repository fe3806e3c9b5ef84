{{ config(enabled=kayzen.loads('campaigns', 'campaign_performance')) }}

with days as (

    select
        day,
        campaign_id,
        cast(sum(impressions) as {{ dbt.type_bigint() }}) as impressions,
        cast(sum(clicks) as {{ dbt.type_bigint() }}) as clicks,
        cast(sum(installs) as {{ dbt.type_bigint() }}) as installs,
        cast(sum(conversions) as {{ dbt.type_bigint() }}) as conversions,
        sum(spend) as spend,
        sum(revenue) as revenue
    from {{ ref('stg_kayzen__campaign_performance') }}
    group by day, campaign_id

)

select
    day,
    campaign_id,
    campaign_name,
    impressions,
    clicks,
    installs,
    conversions,
    spend,
    revenue,
    {{ kayzen.ratio('revenue', 'spend') }} as roas,
    {{ kayzen.ratio('spend', 'installs') }} as cpi,
    day >= max(day) over () - {{ var('kayzen_lookback_days') }} as may_be_restated
from days
inner join {{ ref('dim_campaigns') }} using (campaign_id)
