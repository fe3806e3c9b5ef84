-- Generated from the tap's schemas by `make docs-pages`.
{{ config(enabled=kayzen.loads('creatives')) }}

select
    cast(id as {{ dbt.type_bigint() }}) as creative_id,
    cast(advertiser_id as {{ dbt.type_bigint() }}) as advertiser_id,
    cast(name as {{ dbt.type_string() }}) as creative_name,
    cast(type as {{ dbt.type_string() }}) as creative_type,
    cast(status as {{ dbt.type_string() }}) as status,
    cast(asset_file_id as {{ dbt.type_bigint() }}) as asset_file_id,
    cast(end_card_id as {{ dbt.type_bigint() }}) as end_card_id,
    cast(tracker_id as {{ dbt.type_bigint() }}) as tracker_id,
    cast(rewarded_type as {{ dbt.type_string() }}) as rewarded_type,
    cast(start_time as {{ dbt.type_timestamp() }}) as starts_at,
    {{ kayzen.end_or_null('end_time') }} as ends_at,
    {{ kayzen.json_or_null('_extra') }} as extra
from {{ source('kayzen', 'creatives') }}
{{ kayzen.without_deleted(source('kayzen', 'creatives')) }}
