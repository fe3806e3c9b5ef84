{{ config(enabled=kayzen.loads('campaigns', 'campaign_performance')) }}

with listed as (

    select * from {{ ref('stg_kayzen__campaigns') }}

),

-- Days that are not read again keep the name that the campaign had.
named as (

    select
        campaign_id,
        advertiser_id,
        campaign_name,
        row_number() over (
            partition by campaign_id order by day desc, performance_key
        ) as age
    from {{ ref('stg_kayzen__campaign_performance') }}

),

reported as (

    select * from named where age = 1

)

select
    campaign_id,
    coalesce(listed.advertiser_id, reported.advertiser_id) as advertiser_id,
    listed.order_id,
    coalesce(listed.campaign_name, reported.campaign_name) as campaign_name,
    listed.campaign_id is not null as is_listed,
    listed.status,
    listed.day_budget,
    listed.total_budget,
    listed.starts_at,
    listed.ends_at,
    listed.created_at,
    listed.updated_at
from listed
full join reported using (campaign_id)
