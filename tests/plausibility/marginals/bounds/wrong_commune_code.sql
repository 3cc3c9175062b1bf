-- Codes used on either side of the merger (resolution 202/2025/QH15) against the lists of the time.
with used as (
    select 'xml1' as source, person_no, facility, ma_lk, commune as code, arrived >= '2025-07-01' as valid, district
    from heads where commune is not null
    union all
    select 'people', person_no, null, null, commune, true, null from people where commune is not null
    union all
    select 'moves', person_no, null, null, unnest([from_commune, to_commune]), day >= '2025-07-01', null from moves
)
select distinct source, person_no, facility, ma_lk, null
from used anti join commune_codes using (code, valid)
union all
select source, person_no, facility, ma_lk, null from used where valid and district is not null
