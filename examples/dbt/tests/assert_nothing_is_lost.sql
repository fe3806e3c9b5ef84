{{ config(enabled=kayzen.loads('campaigns', 'campaign_performance')) }}

with loaded as (

    select
        -- Exact amounts, as in the models: sums of floats are rounded.
        sum({{ kayzen.amount('advertiser_spend') }}) as spend,
        sum(installs) as installs,
        sum({{ kayzen.amount('revenue_ltv') }}) as revenue
    from {{ source('kayzen', 'campaign_performance') }}

),

modelled as (

    select sum(spend) as spend, sum(installs) as installs, sum(revenue) as revenue
    from {{ ref('fct_campaign_days') }}

),

paced as (

    select sum(spend) as spend from {{ ref('fct_budget_pacing') }}

)

select
    loaded.spend,
    modelled.spend as modelled_spend,
    paced.spend as paced_spend,
    loaded.installs,
    modelled.installs as modelled_installs,
    loaded.revenue,
    modelled.revenue as modelled_revenue
from loaded
cross join modelled
cross join paced
where
    loaded.spend is distinct from modelled.spend
    or loaded.spend is distinct from paced.spend
    or loaded.installs is distinct from modelled.installs
    or loaded.revenue is distinct from modelled.revenue
