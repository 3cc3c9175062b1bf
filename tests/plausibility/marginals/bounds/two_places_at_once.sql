-- Pairs of stays of one person at two facilities: none share a minute. At treatment that goes on at home a person is at
-- the facility in the minutes in which something is ordered or done.
with acts as (
    select person_no, facility, ma_lk, unnest([ordered, done]) as minute
    from lines join heads using (facility, ma_lk) where kind in ('02', '05', '07')
),
there as (
    select person_no, facility, ma_lk, arrived, coalesce(gone, arrived) as gone
    from heads where kind in ('01', '03', '04', '06', '08', '09')
    union all
    select person_no, facility, ma_lk, minute, minute + interval (1) minute from acts
)
select distinct 'xml1', a.person_no, a.facility, a.ma_lk, null
from there a join there b on a.person_no = b.person_no and a.facility <> b.facility
where a.arrived < b.gone and b.arrived < a.gone
