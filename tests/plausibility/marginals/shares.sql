-- Shares and means with the range they stay in for a few hundred people already: (name, value, low, high).
select 'women among people', avg((sex = 'F')::int), 0.4, 0.6 from people
union all
select 'under fifteen among people', avg((date_diff('day', birth, last::date) < 15 * 365.25)::int), 0.12, 0.4
from people, horizon
union all
select 'over eighty among people', avg((date_diff('day', birth, last::date) > 80 * 365.25)::int), 0, 0.06
from people, horizon
union all
select 'people per household', count(*) / count(distinct household_no), 1.5, 6 from people
union all
select 'visits with a card', avg((card is not null)::int), 0.8, 1 from heads
union all
select 'visits that stay', avg((kind in ('03', '04', '06', '09'))::int), 0.02, 0.25 from heads
union all
select 'visits that are sent on', avg((sent_to is not null)::int), 0, 0.08 from heads
union all
select 'share of the fund in all costs', sum(fund) / sum(hospital), 0.6, 1 from heads
union all
select 'drugs in all costs', sum(drugs) / sum(hospital), 0.03, 0.8 from heads
union all
select 'lines per dossier', count(*) / count(distinct (facility, ma_lk)), 2, 60 from lines
union all
select 'busiest facility among visits', max(n) / sum(n), 0, 0.5 from (select count(*) as n from heads group by facility)
union all
select 'boys among children born', avg((sex = 'M')::int), 0.25, 0.75 from people, horizon
where date_diff('day', birth, last::date) < 5 * 365.25
