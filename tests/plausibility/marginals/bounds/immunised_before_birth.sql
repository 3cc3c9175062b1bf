-- Age in days at immunisation: no bin below zero.
select 'immunisations', person_no, null, null, null
from immunisations join people using (person_no) where date_diff('day', birth, day) < 0
