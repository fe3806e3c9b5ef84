-- Generated from the tap's schemas by `make docs-pages`.
{{ config(enabled=kayzen.loads('balance')) }}

select
    cast(advertiser_id as {{ dbt.type_bigint() }}) as advertiser_id,
    cast(date as date) as day,
    {{ kayzen.amount('balance') }} as balance,
    cast(warning as {{ dbt.type_string() }}) as warning,
    {{ kayzen.json_or_null('_extra') }} as extra
from {{ source('kayzen', 'balance') }}
