-- Age in days at arrival: no bin below zero, by the person's birth and by that of the dossier (texts sort by time).
select 'xml1', person_no, facility, ma_lk, null
from heads
where date_diff('day', birth, arrived::date) < 0 or birth_text[1:8] > strftime(arrived, '%Y%m%d')
