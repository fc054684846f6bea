"""Lists of persons in files, and priority lists of audiences."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from audiences import Audience, InvalidAudienceError, compute_memberships, load_audiences, preview
from audiences.list_files import ListFiles
from tests.audiences.conftest import NOW, Company

LISTED = """\
key: partners
name: Partners
purposes: [marketing]
include: {list: {file: lists/partners.csv}}
"""
RANKED = """\
key: %s
name: %s
purposes: [%s]
include: {trait: person_id, is_known: true}
priority: {list: letters, rank: %s}
"""


def _load(folder: Path, list_text: str | None = None, *texts: str) -> tuple[Audience, ...]:
    for name in ("audiences", "lists", "landing"):
        (folder / name).mkdir(exist_ok=True)
    if list_text is not None:
        (folder / "lists" / "partners.csv").write_bytes(list_text.encode(errors="surrogateescape"))
    for number, text in enumerate(texts):
        (folder / "audiences" / f"a{number}.yml").write_text(text)
    return load_audiences(folder / "audiences", landing=folder / "landing")


def _compute(company: Company, audiences: tuple[Audience, ...], run: str = "r1") -> list[str]:
    reports = compute_memberships(company.warehouse, audiences, run_id=run, now=NOW)
    return [report.status for report in reports]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("email\n ANN@Mail.example \nnobody@mail.example\n", id="address"),
        pytest.param("Note,EMail\nx,mailto:ann@mail.example\n", id="among-others"),
        pytest.param("person_id\nann\n", id="id"),
        pytest.param("person_id\nann-of-the-past\n", id="id-of-the-past"),
        pytest.param("account_id\nacme\n", id="account"),
        pytest.param("phone,email\n(415) 555-0134,\n", id="phone"),
        pytest.param('email,note\nbad\nann@mail.example,"two\nlines"\n', id="short-line"),
        pytest.param("email\nann@mail.example\nb\udce9a@mail.example\n", id="not-utf8"),
    ],
)
def test_whoever_has_an_identifier_of_the_list_is_on_it(
    company: Company, tmp_path: Path, text: str
) -> None:
    company.person("ann", account_id="acme")
    company.person("bea", account_id="other")
    company.insert(
        "marts.current_person", person_id="ann-of-the-past", current_person_id="ann"
    )  # fmt: skip
    company.insert(
        "marts.contact_points",
        person_id="ann",
        identifier_type="phone",
        identifier_value="+14155550134",
    )

    _compute(company, _load(tmp_path, text, LISTED))

    assert company.members("partners") == {"ann"}


def test_a_list_can_be_left_out(company: Company, tmp_path: Path) -> None:
    company.people(3)
    rest = LISTED.replace("include:", "include: {trait: person_id, is_known: true}\nexclude:")

    _compute(company, _load(tmp_path, "person_id\np001\n", rest))

    assert company.members("partners") == {"p000", "p002"}


def test_a_preview_counts_what_is_twice_in_a_list_and_what_names_nobody(
    company: Company, tmp_path: Path
) -> None:
    text = "email,phone\nann@mail.example,\nANN@mail.example ,1\nno address,\n,\n"

    found = preview(company.warehouse, _load(tmp_path, text, LISTED)[0], now=NOW).lists

    assert [(c.column, c.filled, c.unusable, c.repeated) for c in found] == [
        ("email", 3, 1, 1), ("phone", 1, 1, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("list_text", "file", "said"),
    [
        pytest.param("email\n", "lists/partner.csv", "did you mean 'lists/partners.csv'", id="name"),
        pytest.param("mail\nann@x.example\n", "lists/partners.csv", "none of the columns", id="header"),
        pytest.param("email\n", "../secret.csv", "leads out of its folder", id="outside"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_is_refused(
    tmp_path: Path, list_text: str, file: str, said: str
) -> None:
    wanted = LISTED.replace("lists/partners.csv", file)

    with pytest.raises(InvalidAudienceError, match=said) as refused:
        _load(tmp_path, list_text, wanted)

    assert "ann@" not in str(refused.value)


def test_a_list_that_ends_in_an_open_quote_stops_the_run_and_names_nobody(
    company: Company, tmp_path: Path
) -> None:
    company.person("ann")
    audiences = _load(tmp_path, 'email\n"ann@mail.example\nbea@mail.example\n', LISTED)

    with pytest.raises(InvalidAudienceError, match="not closed") as refused:
        _compute(company, audiences)

    assert "@" not in str(refused.value)


def test_a_header_that_is_never_closed_is_refused_and_names_nobody(tmp_path: Path) -> None:
    long_list = 'email,"note\n' + "ann@mail.example,x\n" * 10_000

    with pytest.raises(
        InvalidAudienceError, match=r"'lists/partners.csv': its first line"
    ) as refused:
        _load(tmp_path, long_list, LISTED)

    assert "@" not in str(refused.value)


@pytest.mark.parametrize("now", [None, "note,email\nx,ann@mail.example\n", ""])
def test_a_list_that_was_taken_away_or_replaced_meanwhile_stops_the_run(
    company: Company, tmp_path: Path, now: str | None
) -> None:
    company.person("ann")
    audiences = _load(tmp_path, "email,note\nann@mail.example,x\n", LISTED)
    (tmp_path / "lists" / "partners.csv").unlink()
    if now is not None:
        (tmp_path / "lists" / "partners.csv").write_text(now)

    with pytest.raises(
        InvalidAudienceError, match=r"'lists/partners.csv' was taken away"
    ) as refused:
        _compute(company, audiences)

    assert "@" not in str(refused.value)


def test_a_landing_list_that_has_not_come_holds_the_audience(
    company: Company, tmp_path: Path
) -> None:
    company.person("ann")
    wanted = LISTED.replace("file: lists/partners.csv", "landing: partners.csv")
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "partners.csv").write_text("person_id\nann\n")
    _compute(company, _load(tmp_path, None, wanted))
    (tmp_path / "landing" / "partners.csv").unlink()

    status = _compute(company, _load(tmp_path, None, wanted), run="r2")

    assert (status, company.members("partners")) == (["held"], {"ann"})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('person_id\n"bea\nann\n', id="open-quote"),
        pytest.param('"person_id\nbea\n' * 20_000, id="open-header"),
        pytest.param("name\nbea\n", id="other-columns"),
        pytest.param("", id="empty"),
    ],
)
def test_a_landing_list_that_came_broken_holds_its_audience_and_no_other(
    company: Company, tmp_path: Path, text: str
) -> None:
    company.person("ann")
    company.person("bea")
    wanted = LISTED.replace("file: lists/partners.csv", "landing: partners.csv")
    everyone = RANKED.split("priority", maxsplit=1)[0] % ("all", "Everybody", "marketing")
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "partners.csv").write_text("person_id\nann\n")
    _compute(company, _load(tmp_path, None, wanted, everyone))
    (tmp_path / "landing" / "partners.csv").write_text(text)

    status = _compute(company, _load(tmp_path, None, wanted, everyone), run="r2")

    assert status == ["held", "ready"]
    assert (company.members("partners"), company.members("all")) == ({"ann"}, {"ann", "bea"})
    held = preview(company.warehouse, _load(tmp_path, None, wanted, everyone)[0], now=NOW)
    assert (len(held.notes), held.lists) == (1, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('"email\nann@mail.example\n' * 20_000, "cannot be searched", id="open-header"),
        pytest.param('email\n"ann@mail.example\n', "cannot be searched", id="open-quote"),
        pytest.param("mail\nann@mail.example\n", "names the person", id="other-columns"),
    ],
)
def test_a_landing_list_that_came_broken_stands_against_an_erasure(
    company: Company, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "partners.csv").write_text(text)
    wanted = LISTED.replace("file: lists/partners.csv", "landing: partners.csv")
    place = ListFiles(company.warehouse, _load(tmp_path, None, wanted))
    keys = pa.table({"kind": ["email"], "value": ["ann@mail.example"]})

    (refusal,) = place.refusals(keys)

    assert said in refusal
    assert place.folders == {tmp_path / "landing"}


def test_a_person_is_in_one_audience_of_a_priority_list(company: Company, tmp_path: Path) -> None:
    company.people(3)
    company.consent("p001", "invitations", "granted")
    first = RANKED % ("first", "First", "invitations", 1)
    second = RANKED % ("second", "Second", "marketing", 2)

    _compute(company, _load(tmp_path, None, second, first))

    sizes = {row["audience_key"]: row for row in company.rows("audiences.sizes")}
    assert company.members("first") == {"p001"}
    assert company.members("second") == {"p000", "p002"}
    assert (sizes["second"]["outranked"], sizes["second"]["suppressed"]) == (1, 0)


def test_who_rises_to_an_audience_that_goes_before_leaves_the_other(
    company: Company, tmp_path: Path
) -> None:
    company.person("ann")
    audiences = _load(
        tmp_path,
        None,
        RANKED % ("first", "First", "invitations", 1),
        RANKED % ("second", "Second", "marketing", 2),
    )
    _compute(company, audiences)
    company.consent("ann", "invitations", "granted")

    _compute(company, audiences, run="r2")

    rows = company.rows("audiences.membership_changes", "run_id = 'r2'")
    assert {(row["audience_key"], row["change"], row["detail"]) for row in rows} == {
        ("first", "entered", "consent given"),
        ("second", "exited", "in an audience that goes before this one"),
    }


def test_two_audiences_may_not_have_one_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidAudienceError, match="rank 1 of the priority list 'letters'"):
        _load(tmp_path, None, *(RANKED % (key, key, "marketing", 1) for key in ("one", "two")))
