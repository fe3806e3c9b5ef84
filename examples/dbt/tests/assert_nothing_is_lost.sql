with loaded as (

    select
        -- Numeric, as in the models: sums of floats are rounded.
        sum(advertiser_spend::numeric) as spend,
        sum(installs) as installs,
        sum(revenue_ltv::numeric) as revenue
    from {{ source('kayzen', 'campaign_performance') }}

),

modelled as (

    select sum(spend) as spend, sum(installs) as installs, sum(revenue) as revenue
    from {{ ref('fct_campaign_days') }}

),

paced as (

    select sum(spend) as spend from {{ ref('fct_budget_pacing') }}

)

select *
from loaded, modelled, paced
where
    (loaded.spend, loaded.installs, loaded.revenue)
    is distinct from (modelled.spend, modelled.installs, modelled.revenue)
    or loaded.spend is distinct from paced.spend
