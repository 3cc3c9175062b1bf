-- Lengths of stay: nobody is in for more than a year, nor was without having left by the end of all that is known.
select 'xml1', person_no, facility, ma_lk, null
from heads, horizon
where kind in ('03', '04', '06', '09') and date_diff('day', arrived, coalesce(gone, last)) > 365
