-- Histogram of visit minus death in days: nothing above zero.
select 'xml1', person_no, facility, ma_lk, null from heads where date_diff('day', died, arrived::date) > 0
union all
select 'immunisations', person_no, facility, null, null
from immunisations join people using (person_no) where day > died
