-- Generated from the tap's schemas by `make docs-pages`.
{{ config(enabled=kayzen.loads('tracker_assets')) }}

select
    cast(id as {{ dbt.type_bigint() }}) as tracker_asset_id,
    cast(advertiser_id as {{ dbt.type_bigint() }}) as advertiser_id,
    cast(name as {{ dbt.type_string() }}) as tracker_asset_name,
    cast(click_url as {{ dbt.type_string() }}) as click_url,
    impression_urls,
    cast(s2s_url as {{ dbt.type_string() }}) as s2s_url,
    cast(video_start_tracking_url as {{ dbt.type_string() }}) as video_start_tracking_url,
    cast(video_first_quartile_tracking_url as {{ dbt.type_string() }}) as video_first_quartile_tracking_url,
    cast(video_midpoint_tracking_url as {{ dbt.type_string() }}) as video_midpoint_tracking_url,
    cast(video_third_quartile_tracking_url as {{ dbt.type_string() }}) as video_third_quartile_tracking_url,
    cast(video_complete_tracking_url as {{ dbt.type_string() }}) as video_complete_tracking_url,
    cast(video_click_tracking_url as {{ dbt.type_string() }}) as video_click_tracking_url,
    {{ kayzen.json_or_null('_extra') }} as extra
from {{ source('kayzen', 'tracker_assets') }}
{{ kayzen.without_deleted(source('kayzen', 'tracker_assets')) }}
