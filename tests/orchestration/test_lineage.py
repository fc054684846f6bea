from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from sqlglot.schema import MappingSchema

from audiences import Audience, InvalidAudienceError
from audiences.sync import Sync
from audiences.sync.config import Identifier
from orchestration import sensitive_traits, syncs
from orchestration.defs import publish
from orchestration.lineage import UNBUILT, UNTRACED, Project
from orchestration.resources import CandorResource
from tests.conftest import ROOT

NOTED = """
    with people as (select * from "warehouse"."staging"."stg_people"),
    counted as (
        select person_id, sum(case when health_note <> '' then 1 end) as notes, max(city) as towns
        from people group by all
    )
    select person_id, notes, towns from counted
"""
FEATURES = """
    select noted.person_id, coalesce(noted.notes, 0) as was_ill, noted.towns
    from "warehouse"."intermediate"."int_noted" as noted
"""
MODELS = {
    "staging.stg_people": (["person_id", "city", "health_note"], "select * from raw.people"),
    "intermediate.int_noted": (["person_id", "notes", "towns"], NOTED),
    "marts.features_as_of": (["person_id", "was_ill", "towns"], FEATURES),
}


def project(
    folder: Path, *, meta: Mapping[str, object], left_out: str = "nothing", sql: str | None = None
) -> Project:
    """A built project whose ``health_note`` is described by ``meta``."""
    nodes: dict[str, Any] = {}
    for relation, (names, query) in MODELS.items():
        schema, name = relation.split(".")
        columns = {n: {"meta": meta if n == "health_note" else {"pii": "personal"}} for n in names}
        file = folder / "dbt" / "step" / "compiled" / "candor" / "models" / f"{name}.sql"
        file.parent.mkdir(parents=True, exist_ok=True)
        if name != left_out:
            file.write_text(sql if sql and name == "int_noted" else query)
        nodes[f"model.{name}"] = {
            "resource_type": "model", "schema": schema, "name": name, "columns": columns,
            "original_file_path": f"models/{name}.sql",
        }  # fmt: skip
    described = {
        name: {"meta": {"pii": "personal"}} for name in ("person_id", "city", "health_note")
    }
    seed = {"schema": "seeds", "name": "wards", "resource_type": "seed"}
    described_seed = {"person_id": {"meta": {}}, "ward": {"meta": meta}}
    nodes["seed.wards"] = {**seed, "columns": described_seed, "original_file_path": "wards.csv"}
    raw = {"schema": "raw", "name": "people", "resource_type": "source", "columns": described}
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({"nodes": nodes, "sources": {"source.people": raw}}))
    return Project.read(manifest, folder / "dbt")


@pytest.mark.parametrize("meta", [{"pii": "sensitive"}, {"pii": "personal", "sensitive": True}])
def test_a_feature_made_from_a_sensitive_column_is_found_through_the_models_between(
    tmp_path: Path, meta: Mapping[str, object]
) -> None:
    found = project(tmp_path, meta=meta).sensitive_columns()

    assert found == {"was_ill": ("staging.stg_people.health_note",)}


def test_the_names_of_all_relations_are_read_once_not_for_each_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read for each model they took most of a minute where the columns of profiles are looked into."""
    read: list[object] = []
    normalize = MappingSchema._normalize
    monkeypatch.setattr(MappingSchema, "_normalize", lambda *a: read.append(a) or normalize(*a))

    assert project(tmp_path, meta={"pii": "sensitive"}).sensitive_columns()

    assert len(read) == 1


def test_where_nothing_is_sensitive_nothing_is_left_out(tmp_path: Path) -> None:
    assert project(tmp_path, meta={"pii": "personal"}).sensitive_columns() == {}


def test_histories_are_kept_of_texts_and_yes_or_no_unless_the_yml_says_otherwise(
    tmp_path: Path,
) -> None:
    def column(data_type: str, **meta: object) -> dict[str, object]:
        return {"data_type": data_type, "config": {"meta": {"pii": "none", **meta}}}

    columns = {
        "person_id": column("string"), "city": column("string"), "is_known": column("boolean"),
        "last_search_query": column("string", history=False), "session_count": column("bigint"),
    }  # fmt: skip
    seats = {"person_id": column("string"), "seats": column("bigint", history=True)}
    model = {"resource_type": "model", "schema": "marts"}
    nodes = {
        "a": {**model, "name": "profiles", "columns": columns, "tags": []},
        "b": {**model, "name": "seats", "columns": seats, "tags": ["trait"]},
        "c": {**model, "name": "accounts", "columns": {"name": column("string")}, "tags": []},
    }
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"nodes": nodes, "sources": {}}))

    found = Project.read(manifest, tmp_path)
    assert found.history_columns == {"city", "is_known", "seats"}
    assert found.described("marts.profiles") == {*columns, "seats"}
    assert found.described("marts.accounts") == {"name"}


@pytest.mark.parametrize(
    ("how", "why"),
    [({"left_out": "int_noted"}, UNBUILT), ({"sql": "select from from from"}, UNTRACED)],
)
def test_what_cannot_be_traced_counts_as_sensitive(
    tmp_path: Path, how: dict[str, str], why: str
) -> None:
    found = project(tmp_path, meta={"pii": "sensitive"}, **how).sensitive_columns()  # type: ignore[arg-type]

    assert found == dict.fromkeys(("person_id", "was_ill", "towns"), (why,))


def person_id_is(notes: str, *, of: str, towns: str = "'x'") -> str:
    return f"select p.person_id, {notes} as notes, {towns} as towns from {of}"


PEOPLE = "staging.stg_people"


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(f"select * from {PEOPLE} pivot (count(*) for health_note in ('notes', 'towns'))",
                     id="pivot"),
        pytest.param(f"unpivot {PEOPLE} on city, health_note into name towns value notes",
                     id="unpivot-statement"),
        pytest.param(f"select person_id, notes, towns from {PEOPLE} "
                     "unpivot (notes for towns in (city, health_note))", id="unpivot"),
        pytest.param(person_id_is("cast(p as varchar)", of=f"{PEOPLE} as p"), id="whole-row"),
        pytest.param(person_id_is("hash(columns(*))", of=f"{PEOPLE} as p"), id="every-column"),
        pytest.param(person_id_is("note", of=f"{PEOPLE} as p join other.diary using (person_id)"),
                     id="undescribed-in-a-join"),
        pytest.param(person_id_is("d.note", of=f"{PEOPLE} as p join other.diary as d on true"),
                     id="undescribed"),
        pytest.param(person_id_is("p.unheard", of="raw.people as p"), id="undescribed-column"),
    ],
)  # fmt: skip
def test_what_is_made_in_a_way_that_nobody_can_follow_counts_as_sensitive(
    tmp_path: Path, sql: str
) -> None:
    found = project(tmp_path, meta={"pii": "sensitive"}, sql=sql).sensitive_columns()

    assert found["was_ill"] == (UNTRACED,)


def test_marks_of_seeds_are_read_and_what_is_made_of_nothing_is_not_sensitive(
    tmp_path: Path,
) -> None:
    sql = person_id_is(
        "w.ward", of=f"{PEOPLE} as p join seeds.wards as w using (person_id)", towns="count(*)"
    )

    found = project(tmp_path, meta={"pii": "sensitive"}, sql=sql).sensitive_columns()

    assert found == {"was_ill": ("seeds.wards.ward",)}


def _audience(key: str, clause: Mapping[str, object], **said: object) -> Audience:
    include = {"any": [clause]}
    return Audience.model_validate(
        {"key": key, "name": key, "legal_basis": "x", "include": include, **said}
    )


Problems = Callable[..., tuple[str, ...]]


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Problems:
    """What is said of audiences that read a column made from a sensitive one."""
    monkeypatch.setitem(MODELS, "marts.profiles", (["person_id", "was_ill", "towns"], FEATURES))
    monkeypatch.setattr(sensitive_traits, "parsed_project", lambda _: SimpleNamespace(manifest=""))

    def found(
        *audiences: Audience, sent: Sequence[str] = (), ids: Sequence[Identifier] = (), **how: str
    ) -> tuple[str, ...]:
        made = project(tmp_path, meta={"pii": "sensitive"}, **how)  # type: ignore[arg-type]
        monkeypatch.setattr(sensitive_traits.Project, "read", lambda *_: made)
        sync = Sync("s", "named", "d", "mirror", tuple(ids), tuple(sent))
        company: Any = SimpleNamespace(
            audiences=audiences, syncs=[sync], paths=SimpleNamespace(dbt="")
        )
        try:
            sensitive_traits.require_sensitive_uses(company)
        except InvalidAudienceError as error:
            return error.problems
        return ()

    return found


ILL, TOWN = {"trait": "was_ill", "is": 1}, {"trait": "towns", "is": "Oslo"}
USE = {"sensitive": {"was_ill": "to invite to check-ups"}}


def test_what_is_not_compiled_is_not_called_sensitive_but_asks_for_a_run(
    problems: Problems,
) -> None:
    """As after a restore; SQL that cannot be followed is another matter, and a use lets both pass."""
    (told,) = problems(_audience("named", ILL), left_out="int_noted")

    assert told.endswith("not compiled in this data home: run `candor run` first")
    assert "name it under" not in told
    assert problems(_audience("named", ILL, **USE), left_out="int_noted") == ()


def test_an_audience_that_uses_what_is_sensitive_and_says_not_what_for_is_refused(
    problems: Problems,
) -> None:
    """Tested, also by an audience that another names, or sent; not where it is another column."""
    refers = _audience("refers", {"audience": "named"})

    (told,) = problems(_audience("named", ILL), refers)
    assert "'was_ill' is sensitive (from staging.stg_people.health_note): name it under" in told
    assert problems(_audience("named", ILL, **USE), refers, sent=["was_ill"]) == ()
    assert problems(_audience("named", TOWN), sent=["towns", "no_column"]) == ()
    (told,) = problems(_audience("named", TOWN), sent=["was_ill"])
    assert told.startswith("a sync of audience 'named'")
    identifier = Identifier(type="maid", trait="was_ill")
    assert problems(_audience("named", TOWN), ids=[identifier]) == (told,)


def test_nobody_new_is_sent_what_is_sensitive_and_withdrawals_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where a sync runs by itself, without the audiences being computed anew."""
    ran: list[Mapping[str, object]] = []

    def refuse(_company: object) -> None:
        raise InvalidAudienceError(["was_ill is sensitive"])

    monkeypatch.setattr(syncs, "require_published", lambda _: None)
    monkeypatch.setattr(syncs, "require_sensitive_uses", refuse)
    monkeypatch.setattr(syncs, "_run_syncs", lambda *_, **how: ran.append(how))

    with pytest.raises(InvalidAudienceError, match="was_ill"):
        syncs.publish(SimpleNamespace(), SimpleNamespace(), run_id="r", only=["s"])  # type: ignore[arg-type]

    assert ran == [{"run_id": "r", "only_withdrawals": True}]


def test_audiences_are_not_computed_where_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_company: object) -> None:
        raise InvalidAudienceError(["was_ill is sensitive"])

    monkeypatch.setenv("CANDOR_HOME", str(tmp_path))
    monkeypatch.setenv("CANDOR_CONFIG", str(ROOT / "config"))
    monkeypatch.setattr(publish, "require_sensitive_uses", refuse)

    with pytest.raises(InvalidAudienceError, match="was_ill"):
        list(publish.segment(dg.build_asset_context(), CandorResource()))  # type: ignore[call-overload]
