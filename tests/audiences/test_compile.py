"""Random audiences, judged by the engine and by a few lines of Python that share nothing with it."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from audiences import InvalidAudienceError
from audiences.catalogue import read_catalogue
from audiences.clauses import Comparison
from audiences.comparisons import Bindings, Operand, compile_comparison
from audiences.compile import compile_audiences
from tests.audiences.conftest import AS_OF, Company, audience

PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"country": "US", "download_count": 4, "total_spent": 10.5, "is_known": True},
    "bob": {"country": " us ", "download_count": 0, "is_known": False},
    "cyd": {"country": "DE", "total_spent": 0.0, "last_seen_at": AS_OF - dt.timedelta(days=3)},
    "dee": {"job_title": "Head of Data", "last_seen_at": AS_OF - dt.timedelta(days=40)},
    "eve": {},
}
EVENTS: list[tuple[str, str, float, dict[str, Any]]] = [
    ("ann", "Download", 1, {"content_id": "c1", "properties": '{"plan": "Pro", "seats": 5}'}),
    ("ann", "Download", 9, {"content_id": "c2", "properties": '{"plan": "free", "seats": 1}'}),
    ("ann", "View", 100, {"content_id": "c1"}),
    ("bob", "Download", 20, {"properties": '{"seats": "many"}'}),
    ("bob", "View", 2, {"is_bot": True, "content_id": "c1"}),
    ("cyd", "View", -1, {"content_id": "c1"}),
    ("cyd", "View", 3, {"properties": "{}"}),
]
SCORES = {"ann": 0.8, "bob": 0.1, "cyd": 0.5}
PERSONAS = {"ann": ("k1", "Builder", 0.9), "dee": ("k2", "Chief", 0.4)}
ACCOUNTS = {"ann": [900], "bob": [10, 600], "cyd": [None]}


def _company() -> Company:
    company = Company()
    for name, traits in PEOPLE.items():
        company.person(name, **traits)
    for name, event, days, columns in EVENTS:
        company.event(name, event, days_ago=days, **columns)
    for name, score in SCORES.items():
        for as_of, value in ((AS_OF, score), (AS_OF - dt.timedelta(days=30), 1.0)):
            company.insert(
                "prediction.propensity_scores",
                model_key="trial",
                person_id=name,
                as_of=as_of,
                score=value,
            )
    for name, (key, persona, confidence) in PERSONAS.items():
        company.insert(
            "prediction.persona_members",
            person_id=name,
            persona_id=key,
            persona_name=persona,
            confidence=confidence,
            as_of=AS_OF,
        )
    for name, sizes in ACCOUNTS.items():
        for number, size in enumerate(sizes):
            key = f"{name}{number}"
            company.insert("marts.accounts", account_id=key, employee_count=size)
            company.insert("marts.account_members", account_id=key, person_id=name)
    return company


COMPANY = _company()
CATALOGUE = read_catalogue(COMPANY.warehouse)

LEAVES = st.sampled_from(
    [
        {"trait": "country", "is": "US"},
        {"trait": "country", "is_not": "us"},
        {"trait": "country", "in": ["DE", "FR"]},
        {"trait": "country", "not_in": ["DE", "FR"]},
        {"trait": "country", "is_known": False},
        {"trait": "job_title", "contains": "data"},
        {"trait": "is_known", "is": True},
        {"trait": "download_count", "at_least": 1, "less_than": 4},
        {"trait": "download_count", "is": 4},
        {"trait": "total_spent", "more_than": 0},
        {"trait": "total_spent", "at_most": 10.5},
        {"trait": "last_seen_at", "within_days": 7},
        {"trait": "last_seen_at", "before": dt.date(2026, 2, 1)},
        {"trait": "last_seen_at", "after": dt.date(2026, 2, 26)},
        {"event": "Download"},
        {"event": "Download", "at_least": 2, "within_days": 9},
        {"event": "Download", "at_least": 2, "within_days": 8},
        {"event": "Download", "at_most": 0},
        {"event": "*", "at_least": 1, "at_most": 2},
        {"event": "View", "where": {"content_id": "c1"}},
        {"event": "Download", "where": {"plan": "pro"}},
        {"event": "Download", "where": {"seats": {"at_least": 2}}},
        {"event": "Download", "where": {"plan": {"is_known": False}}},
        {"account": "employee_count", "at_least": 500},
        {"sequence": {"steps": [{"event": "Download"}, {"event": "View"}]}},
        {
            "sequence": {
                "steps": [{"event": "View"}, {"event": "Download", "within_days": 92}],
                "without": {"event": "Download", "where": {"plan": "free"}},
            }
        },
        {
            "sequence": {
                "steps": [{"event": "Download"}, {"event": "*", "within_days": 8}],
                "within_days": 9,
            }
        },
        {"sequence": {"steps": [{"event": "View"}], "not_followed_by": {"event": "Download"}}},
        {"score": {"model": "trial", "at_least": 0.5}},
        {"score": {"model": "trial", "at_most": 0.5}},
        {"persona": {"is": "Builder"}},
        {"persona": {"in": ["Builder", "k2"], "confidence_at_least": 0.5}},
        {"persona": {"is_known": False}},
    ]
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=8,
)


def _folded(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _meets(value: Any, tests: dict[str, Any]) -> bool:
    if "is_known" in tests:
        return (value is not None) == tests["is_known"]
    if value is None:
        return False
    midnight = dt.time()
    judge = {
        "is": lambda x: _folded(value) == _folded(x),
        "is_not": lambda x: _folded(value) != _folded(x),
        "in": lambda x: _folded(value) in [_folded(i) for i in x],
        "not_in": lambda x: _folded(value) not in [_folded(i) for i in x],
        "at_least": lambda x: isinstance(value, int | float) and value >= x,
        "more_than": lambda x: value > x,
        "at_most": lambda x: value <= x,
        "less_than": lambda x: value < x,
        "contains": lambda x: x in value.lower(),
        "before": lambda x: value < dt.datetime.combine(x, midnight),
        "after": lambda x: value >= dt.datetime.combine(x, midnight),
        "within_days": lambda x: AS_OF - dt.timedelta(days=x) <= value < AS_OF,
    }
    return all(judge[name](expected) for name, expected in tests.items())


def _times(name: str, clause: dict[str, Any]) -> int:
    count = 0
    for number, (who, event, days, columns) in enumerate(EVENTS):
        row = {**json.loads(columns.get("properties", "{}")), **columns}
        count += (
            who == name
            and clause.get("only", number) == number
            and clause["event"] in {"*", event}
            and not columns.get("is_bot")
            and 0 < days <= clause.get("within_days", 10_000)
            and all(
                _meets(row.get(key), test if isinstance(test, dict) else {"is": test})
                for key, test in clause.get("where", {}).items()
            )
        )
    return count


def _days_ago(name: str, test: dict[str, Any]) -> list[float]:
    """When a person did something, the longest ago first; one event at a time."""
    found = [
        days
        for number, (who, event, days, columns) in enumerate(EVENTS)
        if who == name and _times(name, {"event": test["event"], **test, "only": number})
    ]
    return sorted(found, reverse=True)


def _follows(name: str, sequence: dict[str, Any]) -> bool:
    """Try every choice of one event for each step."""
    window = sequence.get("within_days", 10_000)
    moments = [[d for d in _days_ago(name, step) if d <= window] for step in sequence["steps"]]
    barred = _days_ago(name, sequence["without"]) if "without" in sequence else []
    never = sequence.get("not_followed_by")
    after = _days_ago(name, never) if never else []
    reach = never.get("within_days", 10_000) if never else 0
    return any(
        all(
            later < earlier and earlier - later <= step.get("within_days", 10_000)
            for earlier, later, step in zip(chosen, chosen[1:], sequence["steps"][1:], strict=False)
        )
        and not any(chosen[-1] < day < chosen[0] for day in barred)
        and not any(day < chosen[-1] and chosen[-1] - day <= reach for day in after)
        for chosen in itertools.product(*moments)
    )


def _oracle(name: str, clause: dict[str, Any]) -> bool:  # noqa: PLR0911, C901 - one for each clause
    tests = {k: v for k, v in clause.items() if k not in {"trait", "account"}}
    if "all" in clause:
        return all(_oracle(name, inner) for inner in clause["all"])
    if "any" in clause:
        return any(_oracle(name, inner) for inner in clause["any"])
    if "not" in clause:
        return not _oracle(name, clause["not"])
    if "trait" in clause:
        return _meets(PEOPLE[name].get(clause["trait"]), tests)
    if "sequence" in clause:
        return _follows(name, clause["sequence"])
    if "account" in clause:
        return any(_meets(size, tests) for size in ACCOUNTS.get(name, []))
    if "event" in clause:
        low = clause.get("at_least", 0 if "at_most" in clause else 1)
        return low <= _times(name, clause) <= clause.get("at_most", 10_000)
    if "score" in clause:
        bounds = {k: v for k, v in clause["score"].items() if k != "model"}
        return _meets(SCORES.get(name), bounds)
    return _oracle_persona(name, clause["persona"])


def _oracle_persona(name: str, test: dict[str, Any]) -> bool:
    persona = PERSONAS.get(name)
    if "is_known" in test:
        return (persona is not None) == test["is_known"]
    wanted = test.get("in", [test.get("is")])
    return (
        persona is not None
        and (persona[0] in wanted or persona[1] in wanted)
        and persona[2] >= test.get("confidence_at_least", 0)
    )


def _matches(company: Company, *audiences: Any) -> list[set[str]]:
    catalogue = CATALOGUE if company is COMPANY else read_catalogue(company.warehouse)
    plan = compile_audiences(audiences, catalogue, as_of=AS_OF)
    return [
        set(
            company.warehouse.read(
                f"select person_id from ({plan.facts}) where {planned.matches}", plan.parameters
            )["person_id"].to_pylist()
        )
        for planned in plan.audiences
    ]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(include=CONDITIONS, exclude=st.none() | CONDITIONS)
def test_the_engine_agrees_with_a_plain_reading(
    include: dict[str, Any], exclude: dict[str, Any] | None
) -> None:
    (found,) = _matches(COMPANY, audience(include, exclude=exclude))

    assert found == {
        name
        for name in PEOPLE
        if _oracle(name, include) and not (exclude and _oracle(name, exclude))
    }


@settings(max_examples=15, deadline=None)
@given(parts=st.lists(CONDITIONS, min_size=2, max_size=5))
def test_audiences_judged_together_are_as_they_are_alone(parts: list[dict[str, Any]]) -> None:
    audiences = [audience(part, key=f"a{number}") for number, part in enumerate(parts)]

    together = _matches(COMPANY, *audiences)

    assert together == [_matches(COMPANY, one)[0] for one in audiences]


def test_a_reference_means_the_rules_of_the_other_audience() -> None:
    other = audience(
        {"trait": "is_known", "is_known": True}, key="other", exclude={"event": "Download"}
    )
    ours = audience({"not": {"audience": "other"}})

    rules, reference = _matches(COMPANY, other, ours)

    assert reference == set(PEOPLE) - rules


def test_equal_clauses_are_asked_once() -> None:
    clause = {"event": "Download", "at_least": 2}
    plan = compile_audiences(
        [audience({"all": [clause, {"not": clause}]}), audience(clause, key="twin")],
        CATALOGUE,
        as_of=AS_OF,
    )

    assert plan.facts.count("count(*)") == 1


@pytest.mark.parametrize(
    ("include", "said"),
    [
        pytest.param({"trait": "contry", "is": "US"}, "did you mean 'country'", id="trait"),
        pytest.param({"account": "staff", "is": 3}, "not a column of marts.accounts", id="account"),
        pytest.param({"trait": "country", "at_least": 3}, "at_least does not fit", id="kind"),
        pytest.param({"trait": "country", "is": 12345}, "put it in quotes", id="value"),
        pytest.param({"trait": "is_known", "is": "yes"}, "is not yes or no", id="boolean"),
        pytest.param({"trait": "persona_name", "is": "x"}, "write persona:", id="lagging"),
        pytest.param({"trait": "scores", "is_known": True}, "write score:", id="lagging-scores"),
        pytest.param({"audience": "nobody"}, "is no audience", id="reference"),
        pytest.param({"audience": "everyone"}, "refers to itself", id="circle"),
        pytest.param(
            {"event": "X", "where": {"scroll_depth": {"contains": "a"}}},
            "where 'scroll_depth'",
            id="event-column",
        ),
    ],
)
def test_what_is_not_there_is_refused_with_its_place(include: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidAudienceError, match=said) as refused:
        compile_audiences([audience(include)], CATALOGUE, as_of=AS_OF)

    assert "audience 'everyone'" in str(refused.value)


def test_all_mistakes_are_said_at_once() -> None:
    wrong = {"any": [{"trait": "contry", "is": "US"}, {"trait": "jobtitle", "is": "x"}]}

    with pytest.raises(InvalidAudienceError) as refused:
        compile_audiences([audience(wrong)], CATALOGUE, as_of=AS_OF)

    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "audience 'everyone', include.any.0",
        "audience 'everyone', include.any.1",
    ]


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ({"score": {"model": "trail", "at_least": 0.1}}, "did you mean 'trial'"),
        ({"persona": {"is": "Bilder"}}, "did you mean"),
    ],
)
def test_a_model_or_persona_that_is_not_published_holds_the_audience(
    clause: dict[str, Any], said: str
) -> None:
    plan = compile_audiences([audience(clause)], CATALOGUE, as_of=AS_OF)

    assert plan.audiences == ()
    assert said in plan.held["everyone"][0]


@pytest.mark.parametrize("text", ["'; drop table marts.profiles; --", "$v00000", 'a"b', "%"])
def test_values_and_names_of_a_user_are_never_sql(text: str) -> None:
    include = {
        "any": [
            {"trait": "country", "is": text},
            {"event": text, "where": {text: text}},
            {"trait": "job_title", "contains": text},
        ]
    }

    assert _matches(COMPANY, audience(include)) == [set()]


def test_times_with_an_offset_are_told_in_utc_and_what_is_not_finite_meets_no_test() -> None:
    """East of Greenwich it is the first of February while UTC is still in January."""
    company = Company()
    told = {"east": "2026-02-01T01:00:00+02:00", "west": "2026-01-31T23:30:00-01:00",
            "utc": "2026-01-31T23:59:59Z", "apart": "2026-02-01 01:00:00 +02:00",
            "near": "2026-01-31T22:00:00 -0200", "bare": "2026-02-01", "never": "infinity"}  # fmt: skip
    for name, moment in told.items():
        company.person(name)
        company.event(name, "Renewed", properties=json.dumps({"until": moment, "seats": "NaN"}))
    company.person("no visits", total_spent=float("nan"))
    company.person("spender", total_spent=10.0)
    day = dt.date(2026, 2, 1)

    after, before, spent, seats = _matches(
        company,
        audience({"event": "Renewed", "where": {"until": {"after": day}}}, key="after"),
        audience({"event": "Renewed", "where": {"until": {"before": day}}}, key="before"),
        audience({"trait": "total_spent", "at_least": 1}, key="spent"),
        audience({"event": "Renewed", "where": {"seats": {"at_least": 1}}}, key="seats"),
    )

    assert (after, before) == ({"west", "bare", "near"}, {"east", "utc", "apart"})
    assert (spent, seats) == ({"spender"}, set())


@pytest.mark.parametrize(
    ("test", "met"),
    [
        ({"at_least": 5}, ["5", "6"]),
        ({"more_than": 5}, ["6"]),
        ({"at_most": 5}, ["4", "5"]),
        ({"less_than": 5}, ["4"]),
        ({"in": [5, 6]}, ["5", "6"]),
        ({"not_in": [5, 6]}, ["4"]),
        ({"before": dt.date(1, 1, 2)}, ["0001-01-01"]),
        ({"after": dt.date(2, 1, 1)}, ["0002-01-01"]),
    ],
    ids=str,
)
def test_a_property_is_read_once_and_meets_only_finite_bounds(
    test: dict[str, Any], met: list[str]
) -> None:
    """To take it out of the text of an event is most of what a test costs."""
    bindings, given = Bindings(), exp.column("given")
    sql = compile_comparison(
        Comparison.model_validate(test), Operand(given, None), bindings, AS_OF
    ).sql(dialect="duckdb")
    told = [
        "4",
        "5",
        "6",
        "NaN",
        "inf",
        "-inf",
        "infinity",
        "-infinity",
        "0001-01-01",
        "0002-01-01",
    ]

    found = duckdb.execute(
        f"select given from unnest($told) as t(given) where {sql}",
        {**bindings.values, "told": told},
    ).fetchall()

    assert ({value for (value,) in found}, sql.count("given")) == (set(met), 1)
