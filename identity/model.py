"""What is compared between two records, as Splink settings.

Splink's gamma numbers levels from the weakest (0) to the strongest; ``DIFFERENT`` is level 0 of
every comparison, so that "a first name that differs" means the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from identifiers import GENERATIONS, SURNAME_PARTICLES

DIFFERENT = 0
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Level:
    """One way in which two values agree, as SQL over ``…_l`` and ``…_r``.

    ``frequency_of`` names the column by whose frequency an agreement weighs more or less.
    """

    label: str
    sql: str
    frequency_of: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field's levels, strongest first; what fits none of them is ``DIFFERENT``.

    Attributes:
        name: The field, as evidence is called in links and charts.
        column: The prepared column, or SQL over several, whose presence makes the field usable.
        unknown: SQL that holds when the field says nothing about the pair.
        levels: Strongest agreement first.
        is_proven_only: Nothing is known of it but what proven pairs teach; without them it is left out.
    """

    name: str
    column: str
    unknown: str
    levels: tuple[Level, ...]
    is_proven_only: bool = False

    @property
    def level_count(self) -> int:
        """How many levels a pair can have, "different" included."""
        return len(self.levels) + 1


def _either_null(*columns: str) -> str:
    return " or ".join(f"{column}_l is null or {column}_r is null" for column in columns)


def few_slips(column: str, slips: int) -> str:
    """SQL of a distance of so many slips at most, over texts of more than three letters per slip.

    The distance costs fifty times as much as Jaro's similarity, which few slips leave high: of n
    letters n - slips match, of which half are out of order at worst, so that it is never below
    (2.5 - 2 * slips / n) / 3. In shorter texts Jaro looks for matches too close by.
    """
    pair = f"{column}_l, {column}_r"
    bound = f"(2.49 - {2 * slips}.0 / greatest(length({column}_l), length({column}_r))) / 3"
    return f"jaro_similarity({pair}) >= {bound} and damerau_levenshtein({pair}) <= {slips}"


# Two spellings of which one is rare in these data are a slip of the pen; two that are both usual
# (Anna, Anne) are as often two people, twins and sisters among them.
_SIMILAR_FIRST_NAMES = (
    "jaro_winkler_similarity(first_name_l, first_name_r) >= 0.88 "
    f"or length(first_name_l) > 3 and {few_slips('first_name', 1)}"
)
# "Maria" or "Fernanda" of one who is "Maria Fernanda" elsewhere.
_WORDS_L, _WORDS_R = (f"string_split(first_name_{side}, ' ')" for side in "lr")
_ONE_OF_SEVERAL = (
    "(contains(first_name_l, ' ') or contains(first_name_r, ' ')) "
    f"and (list_has_all({_WORDS_L}, {_WORDS_R}) or list_has_all({_WORDS_R}, {_WORDS_L}))"
)
_SIMILAR_LAST_NAMES = (
    "jaro_winkler_similarity(replace(last_name_l, ' ', ''), replace(last_name_r, ' ', '')) >= 0.9 "
    f"or length(last_name_l) > 3 and {few_slips('last_name', 1)}"
)


def _bare(side: str) -> str:
    """SQL of a last name without its particles: "de Souza" and "de Carvalho" have nothing in common."""
    leading, trailing = (
        rf"'(^| )((?:{'|'.join(SURNAME_PARTICLES)}) )+'", f"' (?:{'|'.join(GENERATIONS)})$'",
    )  # fmt: skip
    name = f"last_name_{side}"
    bare = rf"regexp_replace(regexp_replace({name}, {leading}, '\1', 'g'), {trailing}, '')"
    return f"case when contains({name}, ' ') then {bare} else {name} end"


_ONE_SURNAME_OF_SEVERAL = (
    "(contains(last_name_l, ' ') or contains(last_name_r, ' ')) "
    f"and list_has_any(string_split({_bare('l')}, ' '), string_split({_bare('r')}, ' '))"
)
# Misspelt twice; a shared beginning counts for nothing, as fathers, sons and strangers share those.
_BARE_L, _BARE_R = (f"replace({_bare(side)}, ' ', '')" for side in "lr")
_TWO_SLIPS_IN_LAST_NAMES = (
    f"least(length({_BARE_L}), length({_BARE_R})) >= 5 and abs(length({_BARE_L}) - length({_BARE_R})) <= 2 "
    f"and damerau_levenshtein({_BARE_L}, {_BARE_R}) <= 2"
)


def _one_is_rare(count: str) -> str:
    fewer, more = (f"{which}({count}_l, {count}_r)" for which in ("least", "greatest"))
    return f"{fewer} <= 3 or {fewer} * 5 <= {more}"


# The billing@ of two companies has nobody in common.
_SAME_LETTERS = (
    "mailbox_l = mailbox_r and length(mailbox_l) >= 5 and email_l != email_r "
    "and not email_is_shared_l and not email_is_shared_r"
)
# Two mailboxes that differ as the names do (john.hanson and john.hansen) show no slip.
_MAILBOXES_NAME_TWO = (
    "mailbox_names_owner_l and mailbox_names_owner_r and mailbox_l != mailbox_r "
    "and coalesce(first_name_l != first_name_r or initial_l != initial_r or last_name_l != last_name_r, false)"
)

_EXCHANGED = (
    "coalesce(first_name_l = last_name_r and last_name_l = first_name_r "
    "and first_name_l != first_name_r, false)"
)

# Blank or misspelt, one of the two names stands where the other belongs.
_ONE_EXCHANGED = (
    "length(first_name_l) > 2 and jaro_winkler_similarity(first_name_l, last_name_r) >= 0.92 "
    "or length(last_name_l) > 2 and jaro_winkler_similarity(last_name_l, first_name_r) >= 0.92"
)

_SAME_HOUSE = "coalesce(house_number_l = house_number_r, false) and jaro_winkler_similarity(street_l, street_r) >= 0.85"
_FIRST_OF_YEAR = "(month(birth_date_l) = 1 and day(birth_date_l) = 1)"
_ALIKE_PLACES = (
    "coalesce(damerau_levenshtein(postal_code_l, postal_code_r) <= 1, false) "
    "or coalesce(jaro_winkler_similarity(replace(city_l, ' ', ''), replace(city_r, ' ', '')) >= 0.9, false)"
)

COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        "first_name",
        "first_name",
        _either_null("initial"),
        (
            Level("same", "first_name_l = first_name_r", frequency_of="first_name"),
            Level("nickname", "given_name_l = given_name_r", frequency_of="given_name"),
            Level("exchanged with last name", _EXCHANGED),
            Level(
                "similar",
                f"({_SIMILAR_FIRST_NAMES}) and ({_one_is_rare('first_name_count')})",
            ),
            Level(
                "initial or second name",
                "(first_name_l is null or first_name_r is null) and initial_l = initial_r "
                "or first_name_l = middle_name_r or middle_name_l = first_name_r "
                f"or {_ONE_OF_SEVERAL}",
            ),
            Level("one exchanged with last name", _ONE_EXCHANGED),
            Level("similar but two usual names", _SIMILAR_FIRST_NAMES),
        ),
    ),
    Comparison(
        "last_name",
        "last_name",
        # An exchange is one event, which the first name tells; told twice it would count twice.
        f"{_either_null('last_name')} or {_EXCHANGED} "
        f"or first_name_l != first_name_r and last_name_l != last_name_r and ({_ONE_EXCHANGED})",
        (
            Level("same", "last_name_l = last_name_r", frequency_of="last_name"),
            Level("one part of two", _ONE_SURNAME_OF_SEVERAL),
            Level("similar", f"({_SIMILAR_LAST_NAMES}) and ({_one_is_rare('last_name_count')})"),
            Level("similar but two usual names", _SIMILAR_LAST_NAMES),
            Level("two slips", f"{_TWO_SLIPS_IN_LAST_NAMES} and ({_one_is_rare('last_name_count')})"),
        ),
    ),
    Comparison(
        "middle_name",
        "middle_name",
        _either_null("middle_name"),
        (Level("same initial", "left(middle_name_l, 1) = left(middle_name_r, 1)"),),
    ),
    Comparison(
        "birth_date",
        "birth_date",
        _either_null("birth_date"),
        (
            Level("same", "birth_date_l = birth_date_r", frequency_of="birth_date"),
            Level(
                "one slip",
                "damerau_levenshtein(strftime(birth_date_l, '%Y%m%d'), strftime(birth_date_r, '%Y%m%d')) <= 1 "
                "or strftime(birth_date_l, '%Y%m%d') = strftime(birth_date_r, '%Y%d%m')",
            ),
            # Where the year alone is known, its first of January is written.
            Level("year alone known", f"year(birth_date_l) = year(birth_date_r) and {_FIRST_OF_YEAR} != {_FIRST_OF_YEAR.replace('_l', '_r')}"),
            Level(
                "two parts of three",
                "(year(birth_date_l) = year(birth_date_r))::int + (month(birth_date_l) = month(birth_date_r))::int "
                "+ (day(birth_date_l) = day(birth_date_r))::int = 2",
            ),
        ),
    ),
    Comparison(
        "email",
        "email",
        _either_null("email"),
        (
            Level("same", "email_l = email_r and not email_is_shared_l"),
            Level(
                "one slip",
                "email_l != email_r and length(email_l) > 9 and mailbox_digits_l = mailbox_digits_r "
                # Namesakes at one provider differ in a dot or a dash.
                "and (mailbox_l != mailbox_r or local_part_l = local_part_r) "
                f"and {few_slips('email', 2)} and not coalesce({_MAILBOXES_NAME_TWO}, false)",
            ),
            Level(
                "same mailbox and digits elsewhere",
                f"{_SAME_LETTERS} and local_part_l = local_part_r and mailbox_digits_l != ''",
            ),
            # Follows from the name (mary.smith, msmith): among namesakes it is no agreement at all.
            Level(
                "same mailbox elsewhere",
                f"{_SAME_LETTERS} and mailbox_digits_l = mailbox_digits_r "
                "and mailbox_l != coalesce(first_name_l, '') and mailbox_l != coalesce(first_name_r, '')",
            ),
            Level(
                "same mailbox, digits in one",
                f"{_SAME_LETTERS} and mailbox_digits_l != mailbox_digits_r "
                "and (mailbox_digits_l = '' or mailbox_digits_r = '')",
            ),
            Level(
                "same mailbox with other digits",
                f"{_SAME_LETTERS} and mailbox_digits_l != mailbox_digits_r",
            ),
            Level("same but shared", "email_l = email_r"),
        ),
    ),
    Comparison(
        "mailboxes",
        "mailbox_is_free",
        # At one domain two addresses may be one mailbox: a slip, a tag, an alias.
        f"{_either_null('mailbox_is_free')} or email_domain_l = email_domain_r",
        (
            Level("a provider's and an employer's", "mailbox_is_free_l != mailbox_is_free_r"),
            Level("two employers'", "not mailbox_is_free_l"),
        ),
        is_proven_only=True,
    ),
    Comparison(
        "phone",
        "phone",
        _either_null("phone"),
        (
            Level("same", "phone_l = phone_r and not phone_is_shared_l"),
            Level("one slip", f"phone_l != phone_r and {few_slips('phone', 1)}"),
            Level("same but shared", "phone_l = phone_r"),
        ),
    ),
    Comparison(
        "address",
        "coalesce(street, postal_code, city)",
        "(street_l is null or street_r is null) and (postal_code_l is null or postal_code_r is null) "
        "and (city_l is null or city_r is null)",
        (
            Level("same house", f"{_SAME_HOUSE} and coalesce(postal_code_l = postal_code_r or city_l = city_r, true)"),
            Level("same house, place misspelt", f"{_SAME_HOUSE} and ({_ALIKE_PLACES})"),
            Level(
                "same street",
                f"jaro_winkler_similarity(street_l, street_r) >= 0.92 and length(street_l) > 5 and ({_ALIKE_PLACES})",
            ),
            Level("same house and street elsewhere", f"{_SAME_HOUSE} and jaro_winkler_similarity(street_l, street_r) >= 0.92"),
            Level("same postal code, street unknown", "postal_code_l = postal_code_r and (street_l is null or street_r is null)"),
            Level("same postal code and city", "postal_code_l = postal_code_r and city_l = city_r"),
            Level("same postal code", "postal_code_l = postal_code_r"),
            Level("same city, street unknown", "city_l = city_r and (street_l is null or street_r is null)"),
            Level("same city", "city_l = city_r"),
            Level("similar city", "jaro_winkler_similarity(replace(city_l, ' ', ''), replace(city_r, ' ', '')) >= 0.88"),
        ),
    ),
    Comparison(
        "company",
        "company",
        _either_null("company"),
        (Level("same", "jaro_winkler_similarity(company_l, company_r) >= 0.92", ),),
    ),
)  # fmt: skip


def splink_settings(
    comparisons: Sequence[Comparison],
    *,
    m: Mapping[str, Sequence[float]] | None = None,
    u: Mapping[str, Sequence[float]] | None = None,
    prior: float = 1e-4,
) -> dict[str, Any]:
    """Write the settings that Splink takes.

    Args:
        comparisons: The fields that the data can fill.
        m: Per comparison, how often matching pairs show each level, strongest first.
        u: The same for pairs of different people.
        prior: Probability that two records drawn at random are one person.
    """
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record",
        "probability_two_random_records_match": prior,
        "retain_intermediate_calculation_columns": True,
        "retain_matching_columns": True,
        "blocking_rules_to_generate_predictions": [],
        "comparisons": [
            _comparison_settings(item, (m or {}).get(item.name), (u or {}).get(item.name))
            for item in comparisons
        ],
    }


def _comparison_settings(
    comparison: Comparison, m: Sequence[float] | None, u: Sequence[float] | None
) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {"sql_condition": level.sql, "label_for_charts": level.label} for level in comparison.levels
    ]
    levels.append({"sql_condition": "ELSE", "label_for_charts": "different"})
    for index, level in enumerate(levels):
        if m is not None:
            level["m_probability"] = m[index]
        if u is not None:
            level["u_probability"] = u[index]
    unknown: dict[str, Any] = {
        "sql_condition": comparison.unknown,
        "label_for_charts": "unknown",
        "is_null_level": True,
    }
    return {"output_column_name": comparison.name, "comparison_levels": [unknown, *levels]}


def level(comparison: str, label: str) -> int:
    """The number of a level, e.g. ``level("email", "same")``; 0 is different, -1 unknown."""
    levels = next(item.levels for item in COMPARISONS if item.name == comparison)
    return len(levels) - next(i for i, item in enumerate(levels) if item.label == label)
