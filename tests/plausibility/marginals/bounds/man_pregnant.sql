-- Joint table of sex and chapter: the cell of men and chapter O (pregnancy and birth) is empty; no man among mothers.
select 'xml1', person_no, facility, ma_lk, null from diagnoses where sex = 'M' and code[1] = 'O'
union all
select 'births', b.mother_no, b.facility, b.ma_lk, null
from births b join people p on p.person_no = b.mother_no where p.sex = 'M'
