-- Beds by time: each is free again before the next is in it.
with nights as (
    select source, facility, ma_lk, stt, bed, ordered as first, ready as last
    from lines where bed is not null and ready > ordered
),
neighbours as (
    select *,
        max(last) over (before rows between unbounded preceding and 1 preceding) as until,
        lead(first) over before as next
    from nights
    window before as (partition by facility, bed order by first, last, ma_lk, stt)
)
select source, person_no, facility, ma_lk, stt
from neighbours join visits using (facility, ma_lk)
where until > first or next < last
