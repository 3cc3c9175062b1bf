-- Joint table of the group (letters) and the level (digit) of cards; decision 1351/QĐ-BHXH.
with groups (level, letters) as (
    values
        ('1', ['CC', 'TE']), ('2', ['CK', 'CB', 'KC', 'HN', 'DT', 'DK', 'XD', 'BT', 'TS']), ('3', ['HT', 'TC', 'CN']),
        ('4', ['DN', 'HX', 'CH', 'NN', 'TK', 'HC', 'XK', 'TB', 'NO', 'CT', 'XB', 'TN', 'CS', 'XN', 'MS', 'HD', 'TQ',
               'TA', 'TY', 'HG', 'LS', 'PV', 'HS', 'SV', 'GB', 'GD']),
        ('5', ['QN', 'CA', 'CY'])
)
select 'xml1', person_no, facility, ma_lk, null
from heads left join groups on list_contains(letters, card[1:2])
where card is not null and card[3] is distinct from level
