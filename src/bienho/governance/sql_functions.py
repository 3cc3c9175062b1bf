"""What ad-hoc SQL may call. Everything not named here is refused.

Left out on purpose: anything that reaches outside the query (files, catalogs, settings, variables, other
databases), anything that reads the clock or chance (a number must come out the same tomorrow), functions that take
another function's or relation's name as text, and functions whose result grows with a number instead of with the
data (`repeat`, scalar `range`, `printf`).
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The blank-separated words of a text: a long set that can still be read."""
    return frozenset(text.split())


AGGREGATES = words(
    """
    count count_star count_if countif sum avg mean min max median mode quantile quantile_cont quantile_disc
    approx_quantile approx_count_distinct stddev stddev_samp stddev_pop variance var_samp var_pop corr covar_pop
    covar_samp regr_slope regr_intercept regr_r2 regr_count skewness kurtosis entropy mad first last any_value
    arg_min arg_max min_by max_by bool_and bool_or bit_and bit_or bit_xor string_agg group_concat listagg
    list array_agg histogram product fsum favg grouping
    """
)
WINDOWS = words(
    """
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
    """
)
STRINGS = words(
    """
    lower upper lcase ucase length len strlen char_length character_length trim ltrim rtrim substr substring
    left right replace translate concat concat_ws split split_part string_split str_split string_to_array
    string_split_regex str_split_regex regexp_split_to_array contains starts_with ends_with prefix suffix strpos
    instr position reverse ascii chr unicode ord strip_accents nfc_normalize like_escape ilike_escape
    not_like_escape not_ilike_escape lpad rpad levenshtein editdist3 jaccard jaro_similarity
    jaro_winkler_similarity hamming damerau_levenshtein
    regexp_matches regexp_replace regexp_extract regexp_extract_all regexp_full_match
    """
)
DATES = words(
    """
    date_trunc datetrunc date_part datepart extract year month day hour minute second quarter week weekofyear
    yearweek isoyear isodow dow dayofweek dayofmonth dayofyear doy weekday dayname monthname last_day century
    decade epoch epoch_ms make_date make_timestamp strftime strptime try_strptime date_diff datediff date_sub
    datesub date_add to_days to_weeks to_months to_years to_hours to_minutes to_seconds time_bucket timezone
    """
)
NUMBERS = words(
    """
    abs round round_even roundbankers floor ceil ceiling sign sqrt cbrt exp ln log log10 log2 power pow mod trunc
    greatest least isnan isinf isfinite pi degrees radians sin cos tan asin acos atan atan2 gcd lcm add subtract
    multiply divide
    """
)
LISTS = words(
    """
    list_value list_pack list_contains list_has array_contains array_has list_has_any list_has_all list_sort
    array_sort list_reverse_sort list_distinct list_unique array_distinct array_unique list_sum list_avg list_min
    list_max list_count list_first list_last list_any_value list_transform list_apply array_transform array_apply
    list_filter array_filter list_concat array_concat list_cat list_append array_append list_prepend array_prepend
    list_slice array_slice array_length array_to_string list_position array_position list_indexof flatten
    list_extract list_element array_extract struct_extract struct_pack row map map_keys map_values map_extract
    map_extract_value element_at cardinality unnest
    """
)
CONDITIONS = words("coalesce ifnull nullif if cast try_cast typeof constant_or_null")

#: Operators as DuckDB's own parser names them.
OPERATORS = frozenset(
    {"+", "-", "*", "/", "//", "%", "**", "^", "||", "&", "|", "~", "<<", ">>", "^@", "@>", "<@", "&&"}
    | {"~~", "!~~", "~~*", "!~~*", "~~~", "not"}
)

#: Names sqlglot gives to functions DuckDB spells differently; each renders to a function of the sets above.
SQLGLOT_FORMS = words(
    """
    sort_array bitwise_and_agg bitwise_or_agg bitwise_xor_agg timestamp_trunc time_to_unix unix_to_time str_position
    array_overlaps transform pad date_from_parts timestamp_from_parts percentile_cont percentile_disc regexp_like
    regexp_split time_to_str str_to_time date_bin explode
    """
)

SCALARS = STRINGS | DATES | NUMBERS | LISTS | CONDITIONS
#: DuckDB function names (lower case) that a checked statement may contain.
ALLOWED = AGGREGATES | WINDOWS | SCALARS
#: Table functions allowed in FROM.
TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
#: Padding to more than this many characters is refused: the result would grow without data.
PAD_MAX = 1000

#: Asked for often, refused for a reason worth saying.
CLOCK = words(
    """
    now today current_date current_time current_timestamp current_datetime get_current_timestamp
    transaction_timestamp localtime localtimestamp get_current_time age random setseed uuid gen_random_uuid uuidv4
    uuidv7 rand
    """
)
