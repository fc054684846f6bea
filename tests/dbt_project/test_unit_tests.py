"""Every branch, window and left join of the SQL has a unit test that names its model."""

from __future__ import annotations

import pytest
import sqlglot
from dbt.artifacts.resources.types import NodeType
from sqlglot import exp

from tests.dbt_project.project import Company, Project

pytestmark = pytest.mark.warehouse

OUTER = {"LEFT", "RIGHT", "FULL"}


def judgements(sql: str) -> set[str]:
    """What in a query may go wrong in silence: case, window, left join."""
    query = sqlglot.parse_one(sql, dialect="duckdb")
    sides = {(join.side or "").upper() for join in query.find_all(exp.Join)}
    found = {"case": query.find(exp.Case), "window": query.find(exp.Window)}
    return {name for name, node in found.items() if node} | (
        {"left join"} if sides & OUTER else set()
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select case when a then 1 end as b from t", {"case"}),
        ("select lag(a) over (order by b) as c from t", {"window"}),
        ("select a from t left join u on t.b = u.b", {"left join"}),
        ("select a, count(*) as n from t inner join u on t.b = u.b group by a", set()),
    ],
)
def test_what_needs_a_unit_test_is_recognised(sql: str, expected: set[str]) -> None:
    assert judgements(sql) == expected


def test_every_case_window_and_left_join_has_a_unit_test(project: Project, empty: Company) -> None:
    tested = {test.model for test in project.manifest.unit_tests.values()}
    compiled = {
        node.name: empty.folder
        / "target"
        / "compiled"
        / node.package_name
        / node.original_file_path
        for node in project.manifest.nodes.values()
        if node.resource_type == NodeType.Model
    }

    untested = {
        name: found
        for name, file in compiled.items()
        if (found := judgements(file.read_text())) and name not in tested
    }

    assert untested == {}
