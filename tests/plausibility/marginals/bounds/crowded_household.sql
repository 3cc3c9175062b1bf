-- Sizes of households: none above twenty.
select 'people', person_no, null, null, null
from people where household_no in (select household_no from people group by all having count(*) > 20)
