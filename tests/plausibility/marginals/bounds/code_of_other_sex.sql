-- Joint table of sex and code: codes that decision 4469/QĐ-BYT (annexes 4.1, 4.2) keeps for one sex, by ranges, without
-- chapter O, which has a bound of its own.
with kept (first, last, sex) as (
    values
        ('C51', 'C58', 'F'), ('C60', 'C63', 'M'), ('D25', 'D28', 'F'), ('N40', 'N51', 'M'), ('N70', 'N77', 'F'),
        ('N80', 'N98', 'F'), ('Q50', 'Q52', 'F'), ('Q53', 'Q55', 'M'), ('Z32', 'Z37', 'F')
)
select 'xml1', d.person_no, d.facility, d.ma_lk, null
from diagnoses d join kept k on d.code[1:3] between k.first and k.last and d.sex <> k.sex
