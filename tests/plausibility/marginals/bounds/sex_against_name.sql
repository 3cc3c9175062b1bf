-- Joint table of the marker in the name and sex: Thị and H' are women's, Văn is men's where it is no family name.
with named as (
    select 'people' as source, person_no, null as facility, null as ma_lk, name, sex from people
    union all
    select 'xml1', person_no, facility, ma_lk, name, sex from heads
    union all
    select 'xml1', person_no, facility, ma_lk, name, case sex_code when '1' then 'M' when '2' then 'F' end from heads
),
marked as (
    select *,
        case
            when len(string_split(name, ' ')) > 2 and split_part(name, ' ', 2) = 'Thị' then 'F'
            when len(string_split(name, ' ')) > 2 and split_part(name, ' ', 2) = 'Văn' then 'M'
            when regexp_matches(name, '(^| )H''') then 'F'
        end as told
    from named
)
select source, person_no, facility, ma_lk, null from marked where told <> sex
