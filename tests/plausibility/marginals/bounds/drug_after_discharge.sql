-- Histogram of the drug minus leaving in minutes: nothing above zero.
select source, person_no, facility, ma_lk, stt
from lines join heads using (facility, ma_lk)
where drug and greatest(ordered, done) > gone
