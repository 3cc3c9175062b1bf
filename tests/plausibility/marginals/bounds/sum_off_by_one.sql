-- Balance sheets: what the sheet of a dossier says less what its lines add up to is zero, to the hundredth.
with sums as (
    select
        facility, ma_lk, coalesce(sum(hospital) filter (drug), 0) as drugs,
        coalesce(sum(hospital) filter (supply), 0) as supplies, sum(hospital) as hospital, sum(insured) as insured,
        sum(own) as own, sum(copay) as copay, sum(fund) as fund, sum(other) as other
    from lines group by all
)
select 'xml1', h.person_no, h.facility, h.ma_lk, null
from heads h join sums s using (facility, ma_lk)
where greatest(
    abs(h.drugs - s.drugs), abs(h.supplies - s.supplies), abs(h.hospital - s.hospital), abs(h.insured - s.insured),
    abs(h.own - s.own), abs(h.copay - s.copay), abs(h.fund - s.fund), abs(h.other - s.other),
    abs(h.hospital - h.own - h.copay - h.fund - h.other)
) <> 0
