-- Generated from the tap's schemas by `make docs-pages`.
{{ config(enabled=kayzen.loads('orders')) }}

select
    cast(id as {{ dbt.type_bigint() }}) as order_id,
    cast(advertiser_id as {{ dbt.type_bigint() }}) as advertiser_id,
    cast(name as {{ dbt.type_string() }}) as order_name,
    cast(is_active as {{ dbt.type_boolean() }}) as is_active,
    cast(impression_cap_count as {{ dbt.type_bigint() }}) as impression_cap_count,
    cast(impression_cap_days as {{ dbt.type_bigint() }}) as impression_cap_days,
    {{ kayzen.json_or_null('_extra') }} as extra
from {{ source('kayzen', 'orders') }}
{{ kayzen.without_deleted(source('kayzen', 'orders')) }}
