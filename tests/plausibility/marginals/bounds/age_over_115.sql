-- The greatest age: of the dead at death, of those who left at leaving, of others at the end of all that is known.
select 'people', person_no, null, null, null
from people, horizon
where date_diff('day', birth, coalesce(died, until, last::date)) > 115 * 365.25
