"""One parsed project and two companies, built once for all claims about them."""

from __future__ import annotations

import pytest

from tests.dbt_project import small_company
from tests.dbt_project.project import Company, Project, failures, parse


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(parse(tmp_path_factory.mktemp("parsed")))


@pytest.fixture(scope="session")
def empty(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company that has sent nothing yet, built."""
    company = project.company(tmp_path_factory.mktemp("empty"))
    assert failures(company.build()) == []
    return company


@pytest.fixture(scope="session")
def small(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company of a handful of people, in the two calls of a run; tests only read it."""
    company = project.company(tmp_path_factory.mktemp("small"))
    small_company.fill(company)
    assert failures(company.build("--select", "tag:before_identity")) == []
    assert failures(company.build("--select", "tag:after_identity")) == []
    return company
