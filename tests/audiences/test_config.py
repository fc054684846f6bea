from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from ruamel.yaml import YAML

from audiences import InvalidAudienceError, load_audiences
from audiences.catalogue import ACCOUNTS, PROFILES, Catalogue, ValueKind
from audiences.clauses import EventClause
from audiences.config import Audience
from audiences.examine import examine
from audiences.sync import DestinationsConfig, Sync, resolve_syncs
from settings import ConfigurationError, load_config

ROOT = Path(__file__).parents[2]
GOOD = """\
key: readers
name: Readers
purposes: [marketing]
include:
  all:
    - {trait: country, is: US}
    - {event: Asset Downloaded, at_least: 3, within_days: 30}
"""
GOOD_DESTINATIONS = """\
destinations:
  hook: {kind: webhook, url: "https://hooks.example/x", secret_env: HOOK_SECRET, purposes: [a]}
syncs:
  s: {audience: readers, destination: hook, identifiers: [{type: email, form: sha256}]}
"""


def _write(folder: Path, text: str, name: str = "readers.yml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def _syncs(path: Path, *audiences: str) -> tuple[Sync, ...]:
    return resolve_syncs(
        load_config(path, DestinationsConfig, missing_ok=True), audiences=audiences
    )


@pytest.mark.parametrize("folder", ["config", "tests/fernhill/config"])
def test_the_shipped_configuration_loads(folder: str) -> None:
    audiences = load_audiences(ROOT / folder / "audiences")

    syncs = _syncs(ROOT / folder / "destinations.yml", *(audience.key for audience in audiences))

    assert len(audiences) == 4
    assert {sync.destination for sync in syncs} == {"exports"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "at_least: 3", "at_leest: 3", "line 7, key .*did you mean 'at_least'", id="key"
        ),
        pytest.param("at_least: 3", "at_least: many", "line 7, key .*found 'many'", id="number"),
        pytest.param(
            "trait: country, is: US", "tread: x", "line 6, .*one of the keys", id="clause"
        ),
        pytest.param(", is: US", "", "line 6, .*at least one test", id="no-test"),
        pytest.param("purposes: [marketing]", "purposes: []", "legal_basis", id="no-purpose"),
        pytest.param("key: readers", "key: My Readers", "line 1, key 'key'", id="name"),
        pytest.param(
            "at_least: 3",
            "at_least: 3, at_most: 2",
            "line 7, .*found 2; nothing is both",
            id="range",
        ),
        pytest.param(
            "is: US",
            "after: 2026-05-01, before: 2026-05-01",
            "line 6, .*nothing is both",
            id="days",
        ),
        pytest.param(
            "within_days: 30", "within_days: 99999999", "line 7, .*at most 36525", id="century"
        ),
        pytest.param("key: readers", f"key: {'r' * 101}", "a text of at most 100 signs", id="long"),
    ],
)
def test_a_mistake_names_its_line_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = _write(tmp_path, GOOD.replace(old, new))

    with pytest.raises(ConfigurationError, match=said):
        load_config(path, Audience)


def test_a_legal_basis_stands_in_for_a_purpose(tmp_path: Path) -> None:
    text = GOOD.replace("purposes: [marketing]", "legal_basis: contract")

    assert load_config(_write(tmp_path, text), Audience).purposes == []


def test_two_files_may_not_have_one_key(tmp_path: Path) -> None:
    _write(tmp_path, GOOD)
    _write(tmp_path, GOOD, "twin.yml")

    with pytest.raises(InvalidAudienceError, match="also the key of another file"):
        load_audiences(tmp_path)


def test_no_folder_means_no_audiences(tmp_path: Path) -> None:
    assert load_audiences(tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("bounds", "minimum"),
    [({}, 1), ({"at_most": 0}, 0), ({"at_least": 2, "at_most": 4}, 2)],
)
def test_an_event_happened_once_unless_bounds_say_otherwise(
    bounds: dict[str, int], minimum: int
) -> None:
    assert EventClause.model_validate({"event": "X", **bounds}).minimum == minimum


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("audience: readers", "audience: reader", "did you mean 'readers'", id="aud"),
        pytest.param("destination: hook", "destination: hok", "did you mean 'hook'", id="dest"),
        pytest.param("}]}", "}, {type: email, form: sha256}]}", "names of their own", id="twice"),
    ],
)
def test_a_sync_names_what_is_there(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = _write(tmp_path, GOOD_DESTINATIONS.replace(old, new))

    with pytest.raises(InvalidAudienceError, match=said):
        _syncs(path, "readers")


@pytest.mark.parametrize(
    ("old", "secret"),
    [
        pytest.param("HOOK_SECRET", "whsec_c2VjcmV0", id="pasted-secret"),
        pytest.param("https://hooks", "https://user:pass1@hooks", id="password-in-address"),
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_without_being_shown(
    tmp_path: Path, old: str, secret: str
) -> None:
    path = _write(tmp_path, GOOD_DESTINATIONS.replace(old, secret))

    with pytest.raises(ConfigurationError) as refused:
        _syncs(path, "readers")

    assert "c2VjcmV0" not in str(refused.value)
    assert "pass1" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ("kind: webhook, secret_env: K", "url"),
        ("kind: meta, token_env: K", "base_url"),
        (
            "kind: s3, bucket: abc, region: a, access_key_id_env: K, secret_access_key_env: K",
            "endpoint",
        ),
    ],
)
def test_an_address_without_encryption_is_refused_where_it_stands(
    tmp_path: Path, settings: str, address: str
) -> None:
    named = f"destinations:\n  it: {{{settings}, purposes: [a],\n    {address}: 'http://127.0.0.1/t0ken'}}\n"
    path = _write(tmp_path, named)
    with pytest.raises(ConfigurationError, match=r"line 3, .*allow_insecure_loopback") as refused:
        load_config(path, DestinationsConfig)
    assert "t0ken" not in str(refused.value)

    path.write_text(named.replace("purposes", "allow_insecure_loopback: true, purposes"))
    assert load_config(path, DestinationsConfig).destinations["it"]


def test_a_clause_that_its_file_no_longer_has_is_told_without_a_line(tmp_path: Path) -> None:
    path = _write(tmp_path, GOOD)
    audience = load_config(path, Audience).read_from(path)
    path.write_text("key: readers\n")

    assert audience.where("include.any.0") == f"{path}, include.any.0"


def test_a_sync_to_a_destination_that_is_off_does_not_run(tmp_path: Path) -> None:
    text = GOOD_DESTINATIONS.replace("kind: webhook", "kind: webhook, enabled: false")

    assert _syncs(_write(tmp_path, text), "readers") == ()


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ("kind: webhook, url: 'https://hooks.example/x', secret_env: K", 0),
        ("kind: meta, token_env: K", 100),
        ("kind: linkedin, token_env: K", 300),
        ("kind: tiktok, token_env: K, advertiser_id: '1'", 1000),
        ("kind: meta, token_env: K, minimum_size: 0", 0),
        ("kind: file, folder: exports", 0),
    ],
)
def test_nobody_advertises_to_a_small_audience_unless_it_says_so(
    tmp_path: Path, settings: str, least: int
) -> None:
    """The figures of an audience of few tell who is in it."""
    path = _write(tmp_path, f"destinations: {{it: {{{settings}, purposes: [a]}}}}")

    found = load_config(path, DestinationsConfig).destinations["it"]

    assert found.minimum_size == least


TWO_SYNCS = """\
destinations:
  news: {kind: klaviyo, api_key_env: NEWS_KEY, purposes: [a]}
  shop: {kind: klaviyo, api_key_env: SHOP_KEY, purposes: [a]}
syncs:
  one: {audience: readers, destination: news, target: XyZ12a, identifiers: [{type: email}]}
  two: {audience: readers, destination: shop, target: XyZ12a, identifiers: [{type: email}]}
"""


def test_two_syncs_into_one_target_of_one_account_are_refused(tmp_path: Path) -> None:
    """Whom one removes the other may still want: nothing there tells who put them."""
    path = _write(tmp_path, TWO_SYNCS)

    with pytest.raises(InvalidAudienceError, match="'one' and 'two' have one target, 'XyZ12a'"):
        _syncs(path, "readers")


def test_the_address_that_a_vendor_has_anyway_tells_no_accounts_apart(tmp_path: Path) -> None:
    usual = TWO_SYNCS.replace("SHOP_KEY,", "SHOP_KEY, base_url: 'https://a.klaviyo.com',")

    with pytest.raises(InvalidAudienceError, match="have one target"):
        _syncs(_write(tmp_path, usual), "readers")


MARKETO = "kind: marketo, client_id_env: C, client_secret_env: K, munchkin_id"
SALESFORCE = "kind: salesforce, client_id_env: C, client_secret_env: K, domain"
CUSTOMER_IO = "kind: customer_io, site_id_env: S, api_key_env: K, region"
ALGOLIA = "kind: algolia, api_key_env: K, app_id"


@pytest.mark.parametrize(
    ("kind", "accounts", "target", "identifier"),
    [
        pytest.param(MARKETO, ["123-ABC-456", "999-XYZ-456"], "'12'", "email", id="marketo"),
        pytest.param(SALESFORCE, ["a.salesforce.com", "b.salesforce.com"], "In__c", "email",
                     id="salesforce"),
        pytest.param(CUSTOMER_IO, ["us", "eu"], "'12'", "person_id", id="customer_io"),
        pytest.param(ALGOLIA, ["ABC", "XYZ"], "people", "person_id", id="algolia"),
        pytest.param(ALGOLIA, ["ABC", "ABC"], "people", "person_id", id="shared_index"),
    ],
)  # fmt: skip
def test_syncs_into_targets_that_settings_or_audiences_tell_apart_are_taken(
    tmp_path: Path, kind: str, accounts: list[str], target: str, identifier: str
) -> None:
    destinations, syncs = "destinations:\n", "syncs:\n"
    for name, account in zip(("one", "two"), accounts, strict=True):
        destinations += f"  {name}: {{{kind}: {account}, purposes: [a]}}\n"
        syncs += (
            f"  {name}: {{audience: {name}, destination: {name}, target: {target}, "
            f"identifiers: [{{type: {identifier}}}]}}\n"
        )

    found = _syncs(_write(tmp_path, destinations + syncs), "one", "two")

    assert [sync.key for sync in found] == ["one", "two"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("SHOP_KEY,", "SHOP_KEY, account_label: shop,", id="account"),
        pytest.param("shop, target: XyZ12a", "shop, target: AbC34b", id="target"),
        pytest.param("two: {", "two: {enabled: false, ", id="off"),
        pytest.param("destination: shop", "destination: news", id="same_members"),
    ],
)
def test_two_syncs_that_do_not_meet_are_taken(tmp_path: Path, old: str, new: str) -> None:
    syncs = _syncs(_write(tmp_path, TWO_SYNCS.replace(old, new)), "readers")

    assert syncs[0].key == "one"


def test_no_file_means_no_destinations(tmp_path: Path) -> None:
    assert _syncs(tmp_path / "destinations.yml") == ()


def test_an_empty_file_means_no_destinations(tmp_path: Path) -> None:
    assert _syncs(_write(tmp_path, "# none yet\n")) == ()


SEQUENCE = """\
key: readers
name: Readers
purposes: [marketing]
include:
  sequence:
    steps:
      - {event: A, where: {plan: pro}}
      - {event: B, within_days: 7}
    not_followed_by: {event: C, within_days: 0.5}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("event: A,", "event: A, within_days: 3,", "first step follows", id="first"),
        pytest.param("      - {event: B, within_days: 7}\n    not_followed_by: {event: C, "
                     "within_days: 0.5}\n", "", "write two steps or more", id="one"),
        pytest.param("not_followed_by", "not_folowed_by", "did you mean 'not_followed_by'", id="key"),
        pytest.param("sequence:", "sequense:", "one of the keys", id="clause"),
        pytest.param("within_days: 7", "within_days: -7", "line 8, .*found -7", id="bound"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_sequence_names_its_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = _write(tmp_path, SEQUENCE.replace(old, new))

    with pytest.raises(ConfigurationError, match=said):
        load_config(path, Audience)


@pytest.mark.parametrize("text", [GOOD, SEQUENCE])
def test_the_schema_for_editors_takes_what_the_reader_takes(text: str) -> None:
    validator = Draft202012Validator(Audience.model_json_schema())

    errors = list(validator.iter_errors(YAML(typ="safe").load(text)))

    assert errors == []


def test_the_schema_for_editors_refuses_what_the_reader_refuses() -> None:
    validator = Draft202012Validator(Audience.model_json_schema())
    wrong = YAML(typ="safe").load(SEQUENCE.replace("event: B", "evnt: B"))

    assert not validator.is_valid(wrong)


def test_what_sensitive_says_names_columns_that_are_there_and_more_than_blanks() -> None:
    """What is said of accounts is judged when there are any."""
    said = {"key": "a", "name": "a", "legal_basis": "x", "include": {"trait": "city", "is": "Oslo"}}
    meant = Audience.model_validate({**said, "sensitive": {"cty": "to write to the right branch"}})
    profiles, accounts = {"city": ValueKind.TEXT}, {"industry": ValueKind.TEXT}
    names: frozenset[str] = frozenset()

    (told,) = examine(
        meant, {"a": meant}, Catalogue({PROFILES: profiles, ACCOUNTS: accounts}, names, names)
    ).mistakes

    assert "sensitive.cty: 'cty' is not a column of marts.profiles or marts.accounts" in told
    assert "did you mean 'city'" in told
    assert not examine(meant, {"a": meant}, Catalogue({PROFILES: profiles}, names, names)).mistakes
    with pytest.raises(ValidationError, match="pattern"):
        Audience.model_validate({**said, "sensitive": {"city": "   "}})
