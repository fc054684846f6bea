from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ingestion import load_landing
from ingestion.contract_report import count_violations, judge_contracts
from ingestion.formats.judged import READ_FROM
from ingestion.inventory import CONTRACT_VIOLATIONS, EVENTS
from ingestion.tracking_plan import TrackingPlan, load_tracking_plan
from settings import ConfigurationError
from tests.ingestion.conftest import NOW, Landing, call, keys, lines, nobody

SIGNED_UP = {
    "event": "Signed Up",
    "schema": {
        "type": "object",
        "properties": {
            "plan": {"enum": ["starter", "team"]},
            "seats": {"type": "integer", "minimum": 1},
            "content_id": {"type": "string", "pattern": "^c[0-9]+$"},
            "address": {"properties": {"zip": {"type": "string"}}, "required": ["zip"]},
            "items": {"items": {"properties": {"sku": {"type": "string"}}}},
        },
        "required": ["plan"],
    },
}
GOOD = {"plan": "team", "seats": 3, "content_id": "c1"}


def _plan(folder: Path, *planned: Mapping[str, Any], **settings: Any) -> TrackingPlan:
    (folder / "tracking_plan").mkdir(parents=True)
    yaml = YAML(typ="safe", pure=True)
    for number, contract in enumerate(planned):
        yaml.dump(dict(contract), folder / "tracking_plan" / f"{number}.yml")
    if settings:
        yaml.dump(settings, folder / "tracking_plan.yml")
    return load_tracking_plan(folder, ["web", "app"])


def _load(landing: Landing, plan: TrackingPlan | None, *calls: Mapping[str, Any]) -> None:
    numbered = [{"messageId": f"m{number}", **one} for number, one in enumerate(calls, start=1)]
    landing.put("web/a.jsonl", lines(*numbered))
    load_landing(
        landing.warehouse, landing.config, landing.folder, now=NOW, is_suppressed=nobody, plan=plan
    )


def _signed_up(**properties: Any) -> dict[str, Any]:
    made = call(event="Signed Up", properties=properties)
    del made["messageId"]
    return made


def _violations(landing: Landing) -> list[tuple[str, str, str]]:
    found = landing.rows(
        "select field, rule, action from raw.contract_violations order by line, field, rule"
    )
    return [(row["field"], row["rule"], row["action"]) for row in found]


def _with(**actions: str) -> dict[str, Any]:
    return {**SIGNED_UP, "actions": actions}


def test_an_event_that_keeps_its_plan_is_loaded_as_it_came(landing: Landing) -> None:
    plan = _plan(landing.folder.parent / "config", _with(default="quarantine"))

    _load(landing, plan, _signed_up(**GOOD))

    assert _violations(landing) == []
    assert json.loads(landing.values("select properties from raw.events")[0]) == GOOD


def test_violations_are_counted_by_field_and_rule(landing: Landing) -> None:
    broken: Sequence[tuple[dict[str, Any], tuple[str, str]]] = [
        ({"plan": None}, ("/plan", "enum")),
        ({"plan": "gold"}, ("/plan", "enum")),
        ({"seats": "3"}, ("/seats", "type")),
        ({"seats": 0}, ("/seats", "minimum")),
        ({"content_id": "x"}, ("/content_id", "pattern")),
        ({"address": {}}, ("/address/zip", "required")),
        # Two items that break one rule are one violation.
        ({"items": [{"sku": 1}, {"sku": 2}]}, ("/items/*/sku", "type")),
    ]

    _load(landing, _plan(landing.folder.parent / "config", SIGNED_UP),
          *(_signed_up(**GOOD | change) for change, _ in broken))  # fmt: skip

    assert _violations(landing) == [(*found, "allow") for _, found in broken]
    assert landing.counts() == [("web/a.jsonl", 7, 7, 0, 0)]


def test_a_missing_property_is_counted_where_it_should_stand(landing: Landing) -> None:
    _load(landing, _plan(landing.folder.parent / "config", SIGNED_UP), _signed_up(seats=1))

    assert _violations(landing) == [("/plan", "required", "allow")]


def test_quarantine_names_field_and_rule_and_no_value(landing: Landing) -> None:
    plan = _plan(landing.folder.parent / "config", _with(default="quarantine"))

    _load(landing, plan, _signed_up(plan="ann@x.example", seats="ann"), _signed_up(**GOOD))

    assert landing.counts() == [("web/a.jsonl", 2, 1, 0, 1)]
    assert landing.rows("select line, code, reason from raw.quarantine") == [
        {
            "line": 1,
            "code": "contract_violation",
            "reason": "the event breaks its tracking plan: field /plan, rule enum; "
            "field /seats, rule type",
        }
    ]


def test_each_kind_of_violation_has_its_own_action(landing: Landing) -> None:
    plan = _plan(
        landing.folder.parent / "config",
        _with(default="omit", required="quarantine", value="allow"),
    )

    _load(landing, plan, _signed_up(plan="gold", seats="3"), _signed_up(seats=1))

    assert _violations(landing) == [
        ("/plan", "enum", "allow"), ("/seats", "type", "omit"), ("/plan", "required", "quarantine"),
    ]  # fmt: skip
    assert landing.values("select properties from raw.events") == ['{"plan":"gold"}']


def test_an_omitted_property_leaves_the_columns_that_were_read_from_it(landing: Landing) -> None:
    plan = _plan(landing.folder.parent / "config", _with(default="omit"))

    _load(landing, plan, _signed_up(**GOOD | {"content_id": "Ann's", "scroll_depth": 0.5}))

    row = landing.rows("select content_id, scroll_depth, properties from raw.events")[0]
    assert (row["content_id"], row["scroll_depth"]) == (None, 0.5)
    assert "Ann" not in row["properties"]


def test_a_column_falls_back_to_the_place_that_is_read_next(landing: Landing) -> None:
    contract = {
        "type": "identify",
        "schema": {"properties": {"email": {"pattern": "@maple[.]example$"}}},
        "actions": {"default": "omit"},
    }
    given = call(
        type="identify", event=None, messageId=None, traits={"email": "wrong@x.example", "age": 3},
        context={"traits": {"email": "<ANN@maple.example>"}},
    )  # fmt: skip

    _load(landing, _plan(landing.folder.parent / "config", contract), given)

    assert landing.rows("select email, traits from raw.events") == [
        {"email": "ann@maple.example", "traits": '{"age":3}'}
    ]


def test_nulls_and_other_properties_outlive_an_omission(landing: Landing) -> None:
    plan = _plan(landing.folder.parent / "config", _with(default="omit"))

    _load(landing, plan, _signed_up(plan="team", seats="x", other=None, deep={"a": [1, None]}))

    assert json.loads(landing.values("select properties from raw.events")[0]) == {
        "plan": "team", "other": None, "deep": {"a": [1, None]},
    }  # fmt: skip


def test_what_is_missing_cannot_be_omitted_and_is_only_counted(landing: Landing) -> None:
    plan = _plan(landing.folder.parent / "config", _with(default="omit"))

    _load(landing, plan, _signed_up(seats=1))

    assert _violations(landing) == [("/plan", "required", "allow")]


@pytest.mark.parametrize(
    ("action", "properties"),
    [
        ("allow", '{"plan":"team","colour":"red"}'),
        ("omit", '{"plan":"team"}'),
        ("quarantine", None),
    ],
)
def test_an_action_for_unplanned_properties_closes_the_schema(
    landing: Landing, action: str, properties: str | None
) -> None:
    plan = _plan(landing.folder.parent / "config", _with(unplanned_property=action))

    _load(landing, plan, _signed_up(plan="team", colour="red"))

    assert _violations(landing) == [("/(undeclared)", "additionalProperties", action)]
    assert landing.values("select properties from raw.events") == [properties][: bool(properties)]


def test_a_property_named_after_a_person_is_not_shown_anywhere(landing: Landing) -> None:
    plan = _plan(landing.folder.parent / "config", _with(unplanned_property="quarantine"))
    names = ["ann@maple.example", "Ann Maple", "jane_miller", "u4711", "+1 208 555 0100"]

    _load(landing, plan, *(_signed_up(plan="team", **{name: 1}) for name in names))

    found = [("/(undeclared)", "additionalProperties", "quarantine")]
    assert _violations(landing) == found * len(names)
    assert set(landing.values("select reason from raw.quarantine")) == {
        "the event breaks its tracking plan: field /(undeclared), rule additionalProperties"
    }
    stored = str(landing.rows("select * from raw.contract_violations, raw.quarantine"))
    assert [name for name in names if name in stored] == []


def test_undeclared_properties_are_counted_though_not_named(landing: Landing) -> None:
    nested = {"properties": {"zip": {"type": "string"}}, "additionalProperties": False}
    contract = {"event": "Signed Up", "schema": {"properties": {"address": nested}},
                "actions": {"unplanned_property": "omit"}}  # fmt: skip

    _load(landing, _plan(landing.folder.parent / "config", contract),
          _signed_up(jane_miller=1, joe_doe=2, address={"zip": "1", "jane": 1, "joe": 2}),
          _signed_up(jane_miller=1))  # fmt: skip

    rows = count_violations(landing.warehouse).to_pylist()
    assert [(row["field"], row["violations"], row["events"]) for row in rows] == [
        ("/(undeclared)", 3, 2), ("/address/(undeclared)", 2, 1),
    ]  # fmt: skip
    assert judge_contracts(landing.warehouse).total == 5
    assert landing.values("select properties from raw.events order by line") == ["{}", "{}"]


def test_unplanned_events_are_quarantined_where_the_plan_says_so(landing: Landing) -> None:
    config = landing.folder.parent / "config"
    plan = _plan(config, SIGNED_UP, unplanned_events="quarantine", sources="web")

    _load(landing, plan, _signed_up(**GOOD), call(event="Odd", messageId=None),
          call(event="mail ann@maple.example", messageId=None),
          call(type="page", event=None, messageId=None))  # fmt: skip

    assert landing.counts() == [("web/a.jsonl", 4, 2, 0, 2)]
    assert landing.values("select event from raw.contract_violations order by line") == ["Odd", "*"]
    assert set(landing.values("select reason from raw.quarantine")) == {
        "the event breaks its tracking plan: the plan does not know it"
    }


def test_the_narrower_contract_counts(landing: Landing) -> None:
    strict = {"type": "page", "event": "Prices", "schema": {"required": ["tier"]}}
    plan = _plan(
        landing.folder.parent / "config",
        {"type": "page", "schema": {"required": ["path"]}},
        strict,
        {**strict, "sources": ["web"], "schema": {"required": ["currency"]}},
        {**SIGNED_UP, "sources": "app", "actions": {"default": "quarantine"}},
    )

    _load(landing, plan, call(type="page", event=None, name="Prices", messageId=None),
          call(type="page", event=None, name="Home", messageId=None), _signed_up())  # fmt: skip

    assert [field for field, _, _ in _violations(landing)] == ["/currency", "/path"]


def test_copies_of_an_event_are_counted_once(landing: Landing) -> None:
    plan = _plan(landing.folder.parent / "config", SIGNED_UP)
    late = {"messageId": "m1", "receivedAt": "2026-11-02T10:00:00Z"}

    _load(landing, plan, _signed_up(plan="gold"), {**_signed_up(plan="gold"), **late})

    assert count_violations(landing.warehouse).to_pylist() == [
        {
            "type": "track", "event": "Signed Up", "field": "/plan", "rule": "enum",
            "source": "web", "action": "allow", "violations": 1, "events": 1,
        }
    ]  # fmt: skip


def test_violations_are_erased_with_their_event(landing: Landing) -> None:
    plan = _plan(landing.folder.parent / "config", _with(value="quarantine"))
    _load(landing, plan, {**_signed_up(plan="gold"), "anonymousId": "device-gone"},
          {**_signed_up(seats="x", plan="team"), "anonymousId": "device-gone"},
          _signed_up(plan="gold"))  # fmt: skip

    landing.location.erase(keys(anonymous_id="device-gone"))

    assert landing.rows("select line, field from raw.contract_violations") == [
        {"line": 3, "field": "/plan"}
    ]


def test_a_document_beyond_the_parser_is_one_violation_and_no_crash(tmp_path: Path) -> None:
    (contract,) = _plan(tmp_path, SIGNED_UP).contracts
    documents = ['{"plan":"team"}', '{"plan":"\\ud800"}', '{"plan":"odd"}']

    found = list(contract.schema.faults(documents))

    assert [(one.document_no, one.rule) for one in found] == [(1, "unreadable"), (2, "enum")]


def test_without_a_plan_nothing_is_judged(landing: Landing) -> None:
    _load(landing, None, _signed_up(plan="gold"))

    assert _violations(landing) == []


def test_every_column_that_an_omission_rereads_is_a_column_of_events() -> None:
    assert set(READ_FROM) <= set(EVENTS.column_names)


def test_violations_hold_nothing_about_a_person() -> None:
    assert {str(column.pii) for column in CONTRACT_VIOLATIONS.columns} == {"none"}


def _mparticle(shared_data: Path, name: str) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
    """The schema of an event's custom attributes, and the good and the bad ones."""
    folder = shared_data / "formats" / "mparticle" / "event-level"
    whole = json.loads((folder / f"{name}_schema.json").read_text())
    schema = {
        "$schema": whole["$schema"],
        "definitions": whole["definitions"],
        **whole["properties"]["data"]["properties"]["custom_attributes"],
    }
    given = [json.loads((folder / f"{name}{kind}.json").read_text()) for kind in ("", "_bad")]
    return schema, [one["data"]["custom_attributes"] for one in given]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (
            "custom_event",
            [
                ("/(undeclared)", "additionalProperties"), ("/foo-number", "pattern"),
                ("/foo-number-const", "const"), ("/foo-string-const", "const"),
            ],
        ),
        ("commerce_event", [("/foo", "required")]),
    ],
)  # fmt: skip
def test_mparticles_own_contracts_are_expressed(
    landing: Landing, shared_data: Path, name: str, found: Sequence[tuple[str, str]]
) -> None:
    schema, (good, bad) = _mparticle(shared_data, name)
    contract = {"event": "Signed Up", "schema": schema, "actions": {"default": "quarantine"}}

    _load(landing, _plan(landing.folder.parent / "config", contract),
          _signed_up(**good), _signed_up(**bad))  # fmt: skip

    assert landing.codes() == [(2, "contract_violation")]
    assert [(field, rule) for field, rule, _ in _violations(landing)] == list(found)


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        pytest.param({"event": "A", "schema": {}, "action": {}}, "line 1, key 'action'", id="key"),
        pytest.param(
            {"event": "A", "schema": {"properties": {"p": {"type": "strin"}}}},
            "at properties.p.type", id="type",
        ),
        pytest.param(
            {"event": "A", "schema": {"properties": {"p": {"pattern": "(["}}}}, "pattern", id="regex"
        ),
        pytest.param(
            {"event": "A", "schema": {"properties": {"p": {"format": "emaill"}}}},
            "Unknown format", id="format",
        ),
        pytest.param(
            {"event": "A", "schema": {"$ref": "https://x.example/s"}}, "not present", id="remote"
        ),
        pytest.param(
            {"event": "A", "schema": {"$ref": "#/$defs/none"}}, "does not exist", id="reference"
        ),
        pytest.param({"schema": {}}, "names its event", id="no-event"),
        pytest.param(
            {"event": "A", "schema": {}, "actions": {"required": "omit"}},
            "allowed: allow, quarantine", id="omit"
        ),
        pytest.param({"event": "A", "schema": {}, "sources": ["shop"]}, "web", id="source"),
        pytest.param(
            {
                "event": "A", "actions": {"unplanned_property": "omit"},
                "schema": {"$schema": "http://json-schema.org/draft-07/schema#", "allOf": [{}]},
            },
            "2020-12", id="draft",
        ),
    ],
)  # fmt: skip
def test_a_contract_that_cannot_be_kept_is_refused_with_its_place(
    tmp_path: Path, contract: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"0\.yml") as caught:
        _plan(tmp_path, contract)

    assert said in str(caught.value)


def test_dates_in_a_schema_want_quotes(tmp_path: Path) -> None:
    (tmp_path / "tracking_plan").mkdir()
    text = "event: A\nschema:\n  properties:\n    day: {const: 2026-01-01}\n"
    (tmp_path / "tracking_plan" / "a.yml").write_text(text)

    with pytest.raises(ConfigurationError, match="write dates and times in quotes"):
        load_tracking_plan(tmp_path, [])


def test_two_files_about_one_event_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"0\.yml speaks of the same event"):
        _plan(tmp_path, SIGNED_UP, SIGNED_UP)


def test_a_contract_may_be_json(tmp_path: Path) -> None:
    (tmp_path / "tracking_plan").mkdir()
    (tmp_path / "tracking_plan" / "a.json").write_text(json.dumps(SIGNED_UP, indent=4))

    assert [one.event for one in load_tracking_plan(tmp_path, []).contracts] == ["Signed Up"]


def test_without_files_the_plan_is_empty(tmp_path: Path) -> None:
    assert load_tracking_plan(tmp_path, []).is_empty


@pytest.mark.parametrize("said", ["typed", "cy@maple.example"])
def test_an_omitted_attribute_leaves_an_identity_of_the_same_name(
    landing: Landing, tmp_path: Path, said: str
) -> None:
    landing.sources = {"app": {"kind": "mparticle", "files": "app/*"}}
    schema = {"type": "object", "properties": {"email": {"type": "number"}}}
    plan = _plan(
        tmp_path / "plan", {"event": "Seen", "schema": schema, "actions": {"default": "omit"}}
    )
    seen = {
        "event_type": "custom_event",
        "data": {
            "event_name": "Seen", "custom_event_type": "navigation",
            "timestamp_unixtime_ms": 1_793_000_000_000, "custom_attributes": {"email": said},
        },
    }  # fmt: skip
    identities = {"email": "cy@maple.example"}
    batch = {"environment": "production", "user_identities": identities, "events": [seen]}
    landing.put("app/a.json", lines(batch))

    load_landing(
        landing.warehouse, landing.config, landing.folder, now=NOW, is_suppressed=nobody, plan=plan
    )

    assert _violations(landing) == [("/email", "type", "omit")]
    assert landing.values("select email from raw.events") == ["cy@maple.example"]


@pytest.mark.parametrize(("mapped", "kept"), [("who", "ann@maple.example"), ("email", None)])
def test_an_omitted_field_empties_the_column_that_is_mapped_from_it_and_no_other(
    landing: Landing, tmp_path: Path, mapped: str, kept: str | None
) -> None:
    landing.sources = {
        "app": {"kind": "events", "files": "app/*", "event_name": "Seen",
                "map": {"occurred_at": "at", "email": mapped, "user_id": "user"}},
    }  # fmt: skip
    schema = {"properties": {"email": {"type": "number"}}}
    plan = _plan(tmp_path, {"event": "Seen", "schema": schema, "actions": {"default": "omit"}})
    address = "ann@maple.example"
    row = {"at": "2026-10-01", "user": "u1", "who": address, "email": address}
    landing.put("app/a.jsonl", lines(row))

    load_landing(
        landing.warehouse, landing.config, landing.folder, now=NOW, is_suppressed=nobody, plan=plan
    )

    assert _violations(landing) == [("/email", "type", "omit")]
    assert landing.values("select email from raw.events") == [kept]
