-- Generated from the tap's schemas by `make docs-pages`.
{{ config(enabled=kayzen.loads('tags')) }}

select
    cast(id as {{ dbt.type_bigint() }}) as tag_id,
    cast(advertiser_id as {{ dbt.type_bigint() }}) as advertiser_id,
    cast(name as {{ dbt.type_string() }}) as tag_name,
    {{ kayzen.json_or_null('_extra') }} as extra
from {{ source('kayzen', 'tags') }}
{{ kayzen.without_deleted(source('kayzen', 'tags')) }}
