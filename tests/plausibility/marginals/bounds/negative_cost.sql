-- Minima of all amounts.
select 'xml1', person_no, facility, ma_lk, null
from heads where least(drugs, supplies, hospital, insured, own, copay, fund, other) < 0
union all
select source, person_no, facility, ma_lk, stt
from lines join visits using (facility, ma_lk)
where least(price, hospital, insured, own, copay, fund, other) < 0
