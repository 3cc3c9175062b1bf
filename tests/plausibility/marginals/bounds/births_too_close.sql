-- Gaps between the days on which one woman gives birth: none from 2 to 200 days (28 weeks).
with days as (
    select mother_no, born::date as day from births where mother_no >= 0
    union
    select mother_no, birth from people where mother_no >= 0
),
gaps as (
    select mother_no, day - lag(day) over (partition by mother_no order by day) as gap from days
)
select distinct 'births', mother_no, null, null, null from gaps where gap between 2 and 200
