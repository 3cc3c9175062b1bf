-- Joint table of sender and receiver: the diagonal is empty.
select 'xml1', person_no, facility, ma_lk, null from heads where facility in (came_from, sent_to)
union all
select 'xml13', person_no, facility, ma_lk, null
from xml13 join visits using (facility, ma_lk)
where MA_CSKCB_DEN in (facility, MA_CSKCB) or MA_CSKCB_DI in (facility, MA_CSKCB)
