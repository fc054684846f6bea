from __future__ import annotations

import datetime as dt
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from pydantic import Field, HttpUrl, model_validator

from settings import (
    ConfigurationError,
    FaultyConfigurationError,
    MissingConfigError,
    StrictModel,
    load_config,
    problem_at,
    read_together,
    unfit_name,
    unknown_name,
)


class Source(StrictModel):
    files: str
    days: int = Field(default=1, ge=1)


class Config(StrictModel):
    region: str = "US"
    sources: dict[str, Source] = Field(default_factory=dict)


class Fitting(Config):
    uses: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for place, name in enumerate(self.uses):
            if name not in self.sources:
                raise unfit_name(("uses", place), name, self.sources, what="sources")
        return self


class Web(StrictModel):
    kind: Literal["web"]


class Shop(StrictModel):
    kind: Literal["shop"]


class Bounded(StrictModel):
    few: int = Field(ge=1)
    share: float = Field(ge=0, le=1)
    both: float = Field(gt=1, lt=3)
    name: str = Field(min_length=1)
    listed: list[str] = Field(min_length=1)
    day: dt.date
    way: Literal["here", "there"]
    maybe: Annotated[float, Field(le=5)] | None
    less: Literal[1, 2]
    keyed: dict[str, int] = Field(min_length=1)
    either: Annotated[Web | Shop, Field(discriminator="kind")]
    base_url: HttpUrl


SCALAR = "expected true or false, or a number, or a text: put it in quotes"


class Dated(StrictModel):
    at: dt.date
    words: dict[str, str]
    is_: bool | float | str = Field(alias="is")


class Choosing(StrictModel):
    either: Annotated[Web | Shop, Field(discriminator="kind")] | None = None


def _write(folder: Path, text: str) -> Path:
    path = folder / "sources.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_unknown_key_is_named_with_its_line_and_a_suggestion(tmp_path: Path) -> None:
    path = _write(tmp_path, "region: US\nsources:\n  web:\n    fils: x\n    files: y\n")

    with pytest.raises(ConfigurationError) as caught:
        load_config(path, Config)

    assert "sources.yml" in str(caught.value)
    assert "line 4, key 'sources.web.fils'" in str(caught.value)
    assert "did you mean 'files'?" in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = _write(tmp_path, "regon: US\nsources:\n  web: {days: 0}\n")

    with pytest.raises(ConfigurationError) as caught:
        load_config(path, Config)

    assert {problem.key for problem in caught.value.problems} == {
        "regon",
        "sources.web.days",
        "sources.web.files",
    }


def test_a_value_out_of_range_says_what_was_found_and_what_is_allowed(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "few: 0\nshare: 4\nboth: .5\nname: ''\nlisted: []\nday: soon\nway: 3\nmaybe: 7\nless: 0\n"
        "keyed: {}\n8: 1\neither: 3\nbase_url: example\n",
    )

    with pytest.raises(ConfigurationError) as refused:
        load_config(path, Bounded)

    assert {problem.key: problem.allowed for problem in refused.value.problems} == {
        "few": "expected a whole number of at least 1",
        "share": "expected a number from 0 to 1",
        "both": "expected a number above 1 and below 3",
        "name": "expected a text, not an empty one",
        "listed": "expected a list, not an empty one",
        "day": "expected a date such as 2026-03-14",
        "way": "allowed: here, there",
        "maybe": "expected a number of at most 5",
        "less": "allowed: 1, 2",
        "keyed": "expected keys with values, at least 1",
        "8": "expected a key that is a text: put it in quotes",
        "either": "expected keys with values",
        "base_url": "expected an address such as https://example.com",
    }


@pytest.mark.parametrize(
    "text", ["a: [1, 2", "a:\n\t- b", "a: 1\na: 2\n"], ids=["open", "tab", "twice"]
)
def test_text_that_is_not_yaml_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="line "):
        load_config(_write(tmp_path, text), Config)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        pytest.param(b"region: US\nx: \xff", "line 2: found bytes that are not UTF-8", id="latin"),
        pytest.param(b"region: \x00", "line 1: found a character that is no text", id="null"),
        pytest.param(b"a:\n\tb: 1\n", "line 2.*a tab stands there: indent with blanks", id="tab"),
        pytest.param(b"a: 1\nb: 2\na: hush\n", "line 3.*'a' stands there a second", id="twice"),
        pytest.param(b"a: 1\n---\nb: 2\n", "line 2.*one file is one document", id="documents"),
        pytest.param(b"a: *x\n", "put \\*x in quotes if it is a text", id="alias"),
        pytest.param(b"a: @x\n", "no value begins with '@'", id="sign"),
        pytest.param(b"a: !hush x\n", "!hush means nothing here", id="tag"),
        pytest.param(b"a: " + b"9" * 5000, "is a number far too long", id="digits"),
        pytest.param(b"a: " + b"[" * 999, "stand in each other: take some brackets", id="nested"),
        pytest.param(b"false\n", "found False; expected some of the keys", id="no-keys"),
    ],
)
def test_a_file_that_is_no_yaml_says_what_to_do(tmp_path: Path, written: bytes, said: str) -> None:
    path = tmp_path / "sources.yml"
    path.write_bytes(written)

    with pytest.raises(ConfigurationError, match=said) as caught:
        load_config(path, Config)

    assert "hush'" not in str(caught.value), "no value is repeated"


def test_a_folder_in_place_of_a_file_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="found a folder; expected a file"):
        load_config(tmp_path, Config)


def test_a_day_that_is_none_is_told_by_its_key(tmp_path: Path) -> None:
    path = _write(tmp_path, "at: 2026-02-30\nwords: {a: 1}\nis: [1]\n")

    with pytest.raises(ConfigurationError) as caught:
        load_config(path, Dated)

    assert {str(problem) for problem in caught.value.problems} == {
        "line 1, key 'at': found '2026-02-30'; expected a date such as 2026-03-14",
        "line 2, key 'words.a': found 1; expected a text: put it in quotes",
        f"line 3, key 'is': found a list of 1; {SCALAR}",
    }


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sources: desk@shop.example\nregion: 3\n", id="address"),
        pytest.param("sources: +1 (202) 555-0100\n", id="telephone"),
        pytest.param("sources: 12025550100\n", id="digits"),
        pytest.param("sources: 0x" + "f" * 5000, id="too-long-a-number"),
        pytest.param("region: {desk@shop.example: 1}\n", id="keys-found"),
        pytest.param("desk@shop.example: 1\n", id="unknown-key"),
        pytest.param("sources: {desk@shop.example: {files: 3}}\n", id="key-above"),
        pytest.param("desk@shop.example: 1\ndesk@shop.example: 2\n", id="twice"),
        pytest.param("region: *desk@shop.example\n", id="alias"),
        pytest.param("region: !desk@shop.example x\n", id="tag"),
    ],
)
def test_what_may_be_somebodys_is_never_repeated(tmp_path: Path, text: str) -> None:
    path = _write(tmp_path, text)

    with pytest.raises(ConfigurationError, match="not repeated") as caught:
        load_config(path, Config)

    assert "shop" not in str(caught.value)
    assert "555" not in str(caught.value)


@pytest.mark.parametrize("found", ["'2026-01-01 10:00'", "10000000000"])
def test_a_moment_and_a_round_number_are_nobodys(tmp_path: Path, found: str) -> None:
    with pytest.raises(ConfigurationError, match=f"found {found}; "):
        load_config(_write(tmp_path, f"sources: {found}\n"), Config)


def test_a_name_that_another_file_should_declare_is_not_repeated_if_somebodys(
    tmp_path: Path,
) -> None:
    path = _write(tmp_path, "region: desk@shop.example\n")

    problems = (
        unknown_name(path, ("region",), "desk@shop.example", ["a"], what="sources"),
        problem_at(path, ("region",), repr("desk@shop.example"), "expected a country"),
    )

    assert [str(problem) for problem in problems if "shop" in str(problem)] == []


def test_the_keys_of_a_choice_within_a_choice_are_named(tmp_path: Path) -> None:
    path = _write(tmp_path, "either: {kind: shop, kindd: shop}\n")

    with pytest.raises(ConfigurationError, match="did you mean 'kind'"):
        load_config(path, Choosing)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(MissingConfigError, match="candor init"):
        load_config(tmp_path / "sources.yml", Config)


def test_a_missing_file_may_mean_the_defaults(tmp_path: Path) -> None:
    assert load_config(tmp_path / "sources.yml", Config, missing_ok=True) == Config()


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config(_write(tmp_path, "# nothing yet\n"), Config) == Config()


def test_text_that_is_not_yaml_names_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_config(_write(tmp_path, "a: [1, 2"), Config)

    assert "line 1: found text that is not YAML" in str(caught.value)
    assert "key" not in str(caught.value)


def test_a_value_that_does_not_fit_another_is_told_where_it_stands(tmp_path: Path) -> None:
    path = _write(
        tmp_path, "region: DE\nsources:\n  web: {files: secret}\nuses:\n  - web\n  - wbe\n"
    )

    with pytest.raises(ConfigurationError) as caught:
        load_config(path, Fitting)

    assert str(caught.value).endswith(
        "line 6, key 'uses.1': found 'wbe'; did you mean 'web'? sources: web"
    )


def test_a_whole_branch_is_never_shown(tmp_path: Path) -> None:
    path = _write(tmp_path, "sources:\n  web: {files: secret}\nuses: {a: secret}\n")

    with pytest.raises(ConfigurationError, match="found the keys a; expected a list") as caught:
        load_config(path, Fitting)

    assert "secret" not in str(caught.value)


def test_files_are_told_together_and_each_once(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.yml").write_text("regon: US\n" if name != "c" else "region: US\n")
    paths = [tmp_path / f"{name}.yml" for name in "abca"]

    with pytest.raises(FaultyConfigurationError) as caught:
        read_together(partial(load_config, path, Config) for path in paths)

    assert [Path(error.path).name for error in caught.value.errors] == ["a.yml", "b.yml"]  # type: ignore[attr-defined]
    assert str(caught.value).count("regon") == 2


def test_one_file_alone_keeps_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(MissingConfigError):
        read_together([partial(load_config, tmp_path / "a.yml", Config)])
