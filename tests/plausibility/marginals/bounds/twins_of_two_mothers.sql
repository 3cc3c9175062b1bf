-- Births by delivery: one mother each; twins by kinship: one mother, one day.
select 'people', a.person_no, null, null, null
from people a join people b on a.twin_of = b.person_no
where a.mother_no is distinct from b.mother_no or abs(date_diff('day', a.birth, b.birth)) > 1
union all
select 'births', mother_no, facility, ma_lk, null
from births
where (facility, ma_lk) in (select (facility, ma_lk) from births group by all having count(distinct mother_no) > 1)
