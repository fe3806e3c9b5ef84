{{ config(enabled=kayzen.loads('campaigns', 'campaign_performance')) }}

with running as (

    select
        day,
        campaign_id,
        campaign_name,
        may_be_restated,
        sum(spend) over last_days as spend_7d,
        sum(revenue) over last_days as revenue_7d,
        sum(spend) over all_days as spend_to_date,
        sum(revenue) over all_days as revenue_to_date
    from {{ ref('fct_campaign_days') }}
    window
        -- Days of the calendar: a campaign has no row for a day without any numbers.
        last_days as (
            partition by campaign_id order by day
            range between interval '6 days' preceding and current row
        ),
        all_days as (partition by campaign_id order by day)

)

select
    day,
    campaign_id,
    campaign_name,
    spend_7d,
    revenue_7d,
    {{ kayzen.ratio('revenue_7d', 'spend_7d') }} as roas_7d,
    spend_to_date,
    revenue_to_date,
    {{ kayzen.ratio('revenue_to_date', 'spend_to_date') }} as roas_to_date,
    may_be_restated
from running
