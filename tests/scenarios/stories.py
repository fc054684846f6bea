"""The stories: who a company meets, and who is who."""

from __future__ import annotations

from tests.scenarios.story import Story, cannot, change, drop, erase, event, must, record

# ``{n}``, ``{o}`` and ``{m}`` are usual surnames.
ANN = {"first_name": "Ann", "last_name": "{n}"}
BEN = {"first_name": "Ben", "last_name": "{o}"}
ANN_MAIL, BEN_MAIL = "ann.{n}@{s}.example", "ben.{o}@{s}.example"
PHONE, SECOND_PHONE = "+1202{x}0111", "+1202{x}0182"

GRAPHS = (
    Story(
        "simple",
        "Two systems know one address.",
        ((record("crm/1", **ANN, email=ANN_MAIL),), (record("shop/1", **ANN, email=ANN_MAIL),)),
        ("crm/1 shop/1 e/ann.{n}@{s}.example",),
    ),
    Story(
        "chain",
        "Each record shares something with the next only.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL),),
            (record("shop/1", **ANN, email=ANN_MAIL, phone=PHONE),),
            (record("desk/1", **ANN, phone=PHONE, user_id="ann"),),
            (record("app/1", **ANN, user_id="ann", email="a.{n}@{s}.example"),),
        ),
        ("crm/1 shop/1 desk/1 app/1",),
    ),
    Story(
        "fan-in",
        "Three strangers turn out to be one when the record that joins them arrives.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL),),
            (record("desk/1", **ANN, phone=PHONE),),
            (event(user="ann", device="laptop"),),
            (record("shop/1", **ANN, email=ANN_MAIL, phone=PHONE, user_id="ann"),),
        ),
        ("crm/1 desk/1 shop/1 u/ann d/laptop",),
        before={3: ("crm/1", "desk/1", "u/ann d/laptop")},
    ),
    Story(
        "fan-out",
        "Three records join the one that was there first.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL, phone=PHONE, user_id="ann"),),
            (record("shop/1", **ANN, email=ANN_MAIL),),
            (record("desk/1", **ANN, phone=PHONE),),
            (event(user="ann", device="laptop"),),
        ),
        ("crm/1 shop/1 desk/1 u/ann d/laptop",),
    ),
    Story(
        "diamond",
        "Two ways lead from one record to another.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL, phone=PHONE),),
            (record("shop/1", **ANN, email=ANN_MAIL, phone=SECOND_PHONE),),
            (record("desk/1", **ANN, email="ann@{s}.example", phone=PHONE),),
            (record("app/1", **ANN, email="ann@{s}.example", phone=SECOND_PHONE),),
        ),
        ("crm/1 shop/1 desk/1 app/1",),
    ),
    Story(
        "strangers",
        "Nothing in common, nothing joined.",
        ((record("crm/1", **ANN, email=ANN_MAIL),), (record("crm/2", **BEN, email=BEN_MAIL),)),
        ("crm/1", "crm/2"),
    ),
    Story(
        "late merge",
        "Two customers of years are one: a support call names both their data.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL), record("shop/1", **ANN, email=ANN_MAIL)),
            (record("crm/2", **ANN, phone=PHONE),),
            (event(user="ann", device="laptop", email=ANN_MAIL),),
            (record("desk/1", **ANN, email=ANN_MAIL, phone=PHONE),),
        ),
        ("crm/1 shop/1 crm/2 desk/1 u/ann d/laptop",),
        before={3: ("crm/1 shop/1 u/ann d/laptop", "crm/2")},
    ),
    Story(
        "older record arrives late",
        "An older record joins; the id that is in use stays.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL),),
            (record("old/1", **ANN, email=ANN_MAIL, created=2),),
        ),
        ("crm/1 old/1",),
    ),
)

PEOPLE = (
    Story(
        "household",
        "Four people, one roof, one landline, one family mailbox.",
        tuple(
            (
                record(
                    f"crm/{number}",
                    first_name=name,
                    last_name="{n}",
                    birth_date=born,
                    street="12 Mill Lane",
                    postal_code="80{x}",
                    city="Oakton",
                    phone=PHONE,
                    email="{n}s@{s}.example",
                ),
            )
            for number, (name, born) in enumerate(
                (
                    ("Peter", "1971-03-02"),
                    ("Sabine", "1973-11-19"),
                    ("Lukas", "2001-06-21"),
                    ("Nora", "2004-08-30"),
                ),
                start=1,
            )
        ),
        ("crm/1", "crm/2", "crm/3", "crm/4"),
    ),
    Story(
        "couple",
        "Two people read one mailbox; each has records of their own.",
        (
            (record("crm/1", first_name="Paula", last_name="{n}", email="{n}s@{s}.example"),),
            (record("crm/2", first_name="Victor", last_name="{n}", email="{n}s@{s}.example"),),
            (record("shop/1", first_name="Paula", last_name="{n}", email="{n}s@{s}.example"),),
            (record("shop/2", first_name="Victor", last_name="{n}", email="{n}s@{s}.example"),),
        ),
        ("crm/1 shop/1", "crm/2 shop/2"),
    ),
    Story(
        "nameless in a shared mailbox",
        "A subscription to a couple's mailbox is neither's.",
        (
            (record("crm/1", first_name="Paula", last_name="{n}", email="{n}s@{s}.example"),),
            (record("crm/2", first_name="Victor", last_name="{n}", email="{n}s@{s}.example"),),
            (record("news/1", email="{n}s@{s}.example"),),
        ),
        ("crm/1", "crm/2", "news/1"),
    ),
    Story(
        "twins",
        "Born on one day, one address, one landline, one family mailbox.",
        (
            (
                record(
                    "crm/1",
                    first_name="Lukas",
                    last_name="{n}",
                    birth_date="2001-04-05",
                    street="12 Mill Lane",
                    postal_code="80{x}",
                    phone=PHONE,
                    email="{n}s@{s}.example",
                ),
            ),
            (
                record(
                    "crm/2",
                    first_name="Marie",
                    last_name="{n}",
                    birth_date="2001-04-05",
                    street="12 Mill Lane",
                    postal_code="80{x}",
                    phone=PHONE,
                    email="{n}s@{s}.example",
                ),
            ),
        ),
        ("crm/1", "crm/2"),
    ),
    Story(
        "twins with a landline",
        "Each has a mailbox; the landline and the birthday are both's.",
        (
            (
                record(
                    "crm/1",
                    first_name="Lukas",
                    last_name="{n}",
                    birth_date="2003-10-16",
                    phone=PHONE,
                    email="lukas@{s}.example",
                ),
            ),
            (
                record(
                    "crm/2",
                    first_name="Marie",
                    last_name="{n}",
                    birth_date="2003-10-16",
                    phone=PHONE,
                    email="marie@{s}.example",
                ),
            ),
            (record("shop/1", first_name="Marie", last_name="{n}", email="marie@{s}.example"),),
        ),
        ("crm/1", "crm/2 shop/1"),
    ),
    Story(
        "twins whose names begin alike",
        "Karl and Karen of one house and one day, each with an e-mail address.",
        tuple(
            tuple(
                record(
                    f"{source}/{number}",
                    first_name=first_name,
                    last_name="{n}",
                    birth_date="1999-12-12",
                    street="2044 Heyden Lane",
                    postal_code="92{x}",
                    email=f"{first_name.lower()}@{{s}}.example",
                )
                for source in ("crm", "shop")
            )
            for number, first_name in ((1, "Karl"), (2, "Karen"))
        ),
        ("crm/1 shop/1", "crm/2 shop/2"),
    ),
    Story(
        "father and son",
        "One name, one address, one landline, a generation apart.",
        (
            (
                record(
                    "crm/1",
                    first_name="John",
                    last_name="{n}",
                    birth_date="1950-03-14",
                    street="7 Elm Street",
                    postal_code="81{x}",
                    phone=PHONE,
                ),
            ),
            (
                record(
                    "crm/2",
                    first_name="John",
                    last_name="{n}",
                    birth_date="1981-09-27",
                    street="7 Elm Street",
                    postal_code="81{x}",
                    phone=PHONE,
                ),
            ),
            (
                record(
                    "shop/2",
                    first_name="John",
                    last_name="{n}",
                    birth_date="1981-09-27",
                    phone=PHONE,
                ),
            ),
        ),
        ("crm/1", "crm/2 shop/2"),
    ),
    Story(
        "mother and daughter",
        "The daughter is insured on the mother's mobile.",
        (
            (
                record(
                    "crm/1",
                    first_name="Carmen",
                    last_name="{n}",
                    birth_date="1968-01-30",
                    phone=PHONE,
                    email="carmen@{s}.example",
                ),
            ),
            (
                record(
                    "crm/2",
                    first_name="Lucia",
                    last_name="{n}",
                    birth_date="1999-12-08",
                    phone=PHONE,
                ),
            ),
            (record("shop/1", first_name="Carmen", last_name="{n}", phone=PHONE),),
        ),
        ("crm/1 shop/1", "crm/2"),
    ),
    Story(
        "couple with one initial",
        "John and Jane share one mailbox, j.surname@; their birth dates differ.",
        (
            (
                record(
                    "crm/1",
                    first_name="John",
                    last_name="{n}",
                    birth_date="1970-02-11",
                    email="j.{n}@{s}.example",
                ),
            ),
            (
                record(
                    "crm/2",
                    first_name="Jane",
                    last_name="{n}",
                    birth_date="1974-10-23",
                    email="j.{n}@{s}.example",
                ),
            ),
        ),
        ("crm/1", "crm/2"),
    ),
    Story(
        "namesakes",
        "A common name in one town is not yet one person.",
        (
            (record("crm/1", **ANN, city="Town 3", email="mail@{s}.example"),),
            (record("crm/2", **ANN, city="Town 3", email="post@other.{s}.example"),),
        ),
        ("crm/1", "crm/2"),
    ),
    Story(
        "maiden name",
        "The surname changes, address, phone and birth date do not.",
        (
            (
                record(
                    "crm/1",
                    first_name="Julia",
                    last_name="Weiss",
                    birth_date="1988-05-17",
                    email="julia@{s}.example",
                    phone=PHONE,
                ),
            ),
            (
                record(
                    "shop/1",
                    first_name="Julia",
                    last_name="Brandt",
                    birth_date="1988-05-17",
                    email="julia@{s}.example",
                    phone=PHONE,
                ),
            ),
        ),
        ("crm/1 shop/1",),
    ),
    Story(
        "nickname",
        "Bob and Robert have one surname and one phone.",
        (
            (record("crm/1", first_name="Robert", last_name="Quill", phone=PHONE),),
            (record("shop/1", first_name="Bob", last_name="Quill", phone=PHONE),),
        ),
        ("crm/1 shop/1",),
    ),
    Story(
        "misspelt",
        "A slip in the name does not outweigh the address.",
        (
            (record("crm/1", first_name="Katherine", last_name="Novak", email="kn@{s}.example"),),
            (record("shop/1", first_name="Kathrine", last_name="Nowak", email="kn@{s}.example"),),
        ),
        ("crm/1 shop/1",),
    ),
    Story(
        "names exchanged",
        "First and last name stand in each other's column.",
        (
            (record("crm/1", first_name="Ivan", last_name="{n}", phone=PHONE),),
            (record("shop/1", first_name="{n}", last_name="Ivan", phone=PHONE),),
        ),
        ("crm/1 shop/1",),
    ),
    Story(
        "day and month exchanged",
        "3 April and 4 March are one birthday in two notations.",
        (
            (
                record(
                    "crm/1",
                    first_name="Milan",
                    last_name="{n}",
                    birth_date="1980-04-03",
                    phone=PHONE,
                ),
            ),
            (
                record(
                    "shop/1",
                    first_name="Milan",
                    last_name="{n}",
                    birth_date="1980-03-04",
                    phone=PHONE,
                ),
            ),
        ),
        ("crm/1 shop/1",),
    ),
    Story(
        "accents",
        "A system without umlauts knows the same man.",
        (
            (record("crm/1", first_name="José", last_name="Núñez", phone=PHONE),),
            (record("shop/1", full_name="NUNEZ, JOSE", phone=PHONE),),
        ),
        ("crm/1 shop/1",),
    ),
    Story(
        "two employers",
        "A consultant is a contact of two companies, with one mobile.",
        (
            (
                record(
                    "crm/1",
                    first_name="Amara",
                    last_name="Obi",
                    email="amara@first.{s}.example",
                    phone=PHONE,
                    account_id="{s}-a",
                    company_name="First {s}",
                ),
            ),
            (
                record(
                    "crm/2",
                    first_name="Amara",
                    last_name="Obi",
                    email="obi@second.{s}.example",
                    phone=PHONE,
                    account_id="{s}-b",
                    company_name="Second {s}",
                ),
            ),
        ),
        ("crm/1 crm/2",),
    ),
)

VALUES = (
    Story(
        "role mailbox",
        "info@ of a company makes nobody one.",
        (
            (record("crm/1", **ANN, email="info@{s}.example"),),
            (record("crm/2", **BEN, email="info@{s}.example"),),
            (record("news/1", email="info@{s}.example"),),
            (record("news/2", email="info@{s}.example"),),
        ),
        ("crm/1", "crm/2", "news/1", "news/2"),
    ),
    Story(
        "role mailbox and an own phone",
        "What links is the phone, not the mailbox.",
        (
            (record("crm/1", **ANN, email="info@{s}.example", phone=PHONE),),
            (record("crm/2", **BEN, email="info@{s}.example"),),
            (record("shop/1", **ANN, email="info@{s}.example", phone=PHONE),),
        ),
        ("crm/1 shop/1", "crm/2"),
    ),
    Story(
        "switchboard",
        "Five colleagues have one number.",
        (
            tuple(
                record(f"crm/{number}", first_name=first, last_name=last, phone=PHONE)
                for number, (first, last) in enumerate(
                    (
                        ("Rosa", "{n}"),
                        ("Simon", "{o}"),
                        ("Tessa", "{m}"),
                        ("Ulrich", "{n}"),
                        ("Vera", "{o}"),
                    ),
                    start=1,
                )
            ),
        ),
        ("crm/1", "crm/2", "crm/3", "crm/4", "crm/5"),
    ),
    Story(
        "mailbox that becomes shared",
        "Who was joined by a mailbox parts when it proves a team's.",
        (
            (
                record("crm/1", **ANN, email="crew@{s}.example"),
                record("news/1", email="crew@{s}.example"),
            ),
            (record("crm/2", **BEN, email="crew@{s}.example"),),
            (record("crm/3", first_name="Irene", last_name="{m}", email="crew@{s}.example"),),
            (record("crm/4", first_name="Walter", last_name="{n}", email="crew@{s}.example"),),
        ),
        ("crm/1", "news/1", "crm/2", "crm/3", "crm/4"),
        before={1: ("crm/1 news/1",), 2: ("crm/1", "news/1", "crm/2")},
    ),
    Story(
        "recycled phone",
        "A number goes to a new owner after years.",
        (
            (
                record(
                    "crm/1",
                    first_name="Greta",
                    last_name="Holm",
                    phone=PHONE,
                    email="greta@{s}.example",
                ),
            ),
            (),
            (
                record(
                    "crm/2",
                    first_name="Omar",
                    last_name="Farah",
                    phone=PHONE,
                    email="omar@{s}.example",
                ),
            ),
            (record("shop/2", first_name="Omar", last_name="Farah", phone=PHONE),),
        ),
        ("crm/1", "crm/2 shop/2"),
    ),
    Story(
        "placeholders",
        "N/A, unknown and test@test.com are no values.",
        (
            (record("crm/1", **ANN, email="test@test.com", phone="N/A"),),
            (record("crm/2", **ANN, email="test@test.com", phone="N/A"),),
            (record("crm/3", **ANN, email="unknown", phone="0000000000"),),
            (record("crm/4", **ANN, email="unknown", phone="0000000000"),),
        ),
        ("crm/1", "crm/2", "crm/3", "crm/4"),
    ),
    Story(
        "placeholder user ids",
        "A site that sends the user id null has no user of that name.",
        (
            (record("crm/1", **ANN, user_id="!null"), record("crm/2", **BEN, user_id="!null")),
            (event(user="!null", device="a"), event(user="!null", device="b")),
            (event(user="!anonymous", device="a"), event(user="!0", device="b")),
        ),
        ("crm/1", "crm/2", "d/a", "d/b"),
    ),
    Story(
        "plus address",
        "At Gmail what follows a plus is a label, not another mailbox.",
        (
            (record("crm/1", **ANN, email="{s}.ann+news@gmail.com"),),
            (record("shop/1", **ANN, email="{s}.ann@gmail.com"),),
        ),
        ("crm/1 shop/1",),
    ),
    Story(
        "notations",
        "Case, spaces and brackets make no other address or number.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL, phone=PHONE),),
            (record("shop/1", **ANN, email=" Ann.{n}@{s}.Example "),),
            (record("desk/1", **ANN, phone="(202) {x}-0111"),),
        ),
        ("crm/1 shop/1 desk/1",),
    ),
    Story(
        "clashing ids",
        "17 of one source and 17 of another are two records.",
        (
            (record("crm/17", **ANN, email=ANN_MAIL),),
            (record("shop/17", **BEN, email=BEN_MAIL),),
        ),
        ("crm/17", "shop/17"),
    ),
    Story(
        "nothing to go by",
        "A record without any identifier, and one without any value.",
        ((record("crm/1", **ANN),), (record("crm/2", **ANN),), (record("crm/3", created=None),)),
        ("crm/1", "crm/2", "crm/3"),
    ),
    Story(
        "subscription by address alone",
        "A newsletter knows an address; the shop knows whose.",
        (
            (record("news/1", email=ANN_MAIL),),
            (event(device="phone", email=ANN_MAIL),),
            (record("shop/1", **ANN, email=ANN_MAIL),),
        ),
        ("news/1 shop/1 d/phone e/ann.{n}@{s}.example",),
    ),
    Story(
        "two mailboxes",
        "Work and private address, one mobile.",
        (
            (record("crm/1", **ANN, email="ann@work.{s}.example", phone=PHONE),),
            (record("shop/1", **ANN, email=ANN_MAIL),),
            (record("desk/1", **ANN, email=ANN_MAIL, phone=PHONE),),
        ),
        ("crm/1 shop/1 desk/1",),
        before={2: ("crm/1", "shop/1")},
    ),
)

DEVICES = (
    Story(
        "visitor signs in",
        "What a browser did before the sign-in joins the person.",
        (
            (event(device="laptop"),),
            (record("crm/1", **ANN, user_id="ann"),),
            (event(user="ann", device="laptop"),),
        ),
        ("crm/1 u/ann d/laptop",),
        before={2: ("crm/1", "d/laptop")},
    ),
    Story(
        "two devices",
        "One sign-in, a laptop and a phone.",
        (
            (event(user="ann", device="laptop"),),
            (event(user="ann", device="phone"),),
        ),
        ("u/ann d/laptop d/phone",),
    ),
    Story(
        "kiosk",
        "A device of many hands keeps its anonymous history to itself.",
        (
            (event(device="kiosk"),),
            (event(user="ann", device="kiosk"),),
            (event(user="ben", device="kiosk"), event(user="cleo", device="kiosk")),
            (event(device="kiosk"),),
        ),
        ("u/ann", "u/ben", "u/cleo"),
        before={2: ("u/ann d/kiosk",)},
        nobody=("d/kiosk",),
    ),
    Story(
        "sign-in with an address",
        "A user who gives the address of a record is its person.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL),),
            (event(user="ann", device="laptop"),),
            (event("identify", user="ann", email=ANN_MAIL),),
        ),
        ("crm/1 u/ann d/laptop e/ann.{n}@{s}.example",),
        before={2: ("crm/1", "u/ann d/laptop")},
    ),
    Story(
        "two sign-ins of one system",
        "One mailbox does not make one of two users.",
        (
            (record("app/1", **ANN, user_id="1", email=ANN_MAIL),),
            (record("app/2", **ANN, user_id="2", email=ANN_MAIL),),
            (event(user="1", device="a"), event(user="2", device="b")),
        ),
        ("app/1 u/1 d/a", "app/2 u/2 d/b"),
    ),
    Story(
        "alias",
        "A tool says that two user ids are one.",
        (
            (record("app/1", **ANN, user_id="old"), event(user="old", device="a")),
            (record("app/2", **ANN, user_id="new"), event(user="new", device="b")),
            (event("alias", user="new", previous="old"),),
        ),
        ("app/1 app/2 u/old u/new d/a d/b",),
        before={2: ("app/1 u/old d/a", "app/2 u/new d/b")},
    ),
)

DECISIONS = (
    Story(
        "contradiction",
        "Must-link and cannot-link meet over a third record: both hold.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL), record("crm/2", **ANN, email=ANN_MAIL)),
            (record("crm/3", **ANN, phone=PHONE),),
            (must("crm/1", "crm/3"),),
            (cannot("crm/2", "crm/3"),),
        ),
        ("crm/1 crm/3", "crm/2"),
        before={3: ("crm/1 crm/2 crm/3",)},
    ),
    Story(
        "latest word",
        "Of two decisions on one pair the later holds.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL), record("crm/2", **BEN, email=BEN_MAIL)),
            (cannot("crm/1", "crm/2"),),
            (must("crm/2", "crm/1"),),
        ),
        ("crm/1 crm/2",),
    ),
    Story(
        "split",
        "Somebody says that they are two; the larger part keeps the id.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL), record("shop/1", **ANN, email=ANN_MAIL)),
            (record("desk/1", **ANN, email=ANN_MAIL, phone=PHONE),),
            (record("app/1", **ANN, phone=PHONE),),
            (cannot("shop/1", "app/1"), cannot("crm/1", "app/1"), cannot("desk/1", "app/1")),
        ),
        ("crm/1 shop/1 desk/1", "app/1"),
        before={3: ("crm/1 shop/1 desk/1 app/1",)},
    ),
    Story(
        "merge then split",
        "What was merged by mistake gets its old ids back.",
        (
            (
                record("crm/1", **ANN, email=ANN_MAIL),
                record("shop/1", **ANN, email=ANN_MAIL),
                record("crm/2", **BEN, email=BEN_MAIL),
            ),
            (must("crm/1", "crm/2"),),
            (cannot("crm/1", "crm/2"),),
        ),
        ("crm/1 shop/1", "crm/2"),
        before={1: ("crm/1 shop/1", "crm/2"), 2: ("crm/1 shop/1 crm/2",)},
    ),
    Story(
        "merge, split, merge",
        "Each word holds until the next.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL), record("crm/2", **BEN, email=BEN_MAIL)),
            (must("crm/1", "crm/2"),),
            (cannot("crm/1", "crm/2"),),
            (must("crm/1", "crm/2"),),
        ),
        ("crm/1 crm/2",),
        before={2: ("crm/1 crm/2",), 3: ("crm/1", "crm/2")},
    ),
    Story(
        "cannot-link along a chain",
        "The weakest link between the two is cut.",
        (
            (
                record("app/1", **ANN, user_id="ann"),
                record("shop/1", **ANN, user_id="ann", email=ANN_MAIL),
            ),
            (record("crm/1", **ANN, email=ANN_MAIL),),
            (cannot("app/1", "crm/1"),),
        ),
        ("app/1 shop/1", "crm/1"),
        before={2: ("app/1 shop/1 crm/1",)},
    ),
    Story(
        "unknown record",
        "A decision on a record that is not there changes nothing.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL),),
            (must("crm/1", "crm/404"), cannot("crm/404", "crm/405")),
        ),
        ("crm/1",),
    ),
    Story(
        "three become one",
        "Three persons are merged by one record.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL), record("shop/1", **ANN, email=ANN_MAIL)),
            (record("crm/2", **ANN, phone=PHONE),),
            (event(user="ann", device="laptop"),),
            (record("desk/1", **ANN, email=ANN_MAIL, phone=PHONE, user_id="ann"),),
        ),
        ("crm/1 shop/1 crm/2 desk/1 u/ann d/laptop",),
        before={3: ("crm/1 shop/1", "crm/2", "u/ann d/laptop")},
    ),
)

CHANGES = (
    Story(
        "address changes",
        "A new address in a record leaves the person who they are.",
        (
            (record("app/1", **ANN, email=ANN_MAIL, user_id="ann"),),
            (record("shop/1", **ANN, email=ANN_MAIL, user_id="ann"),),
            (change("app/1", email="new@{s}.example"),),
        ),
        ("app/1 shop/1",),
    ),
    Story(
        "corrected",
        "A mistyped address had joined two; its correction parts them.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL), record("shop/1", **ANN, email=ANN_MAIL)),
            (record("crm/2", **ANN, email=ANN_MAIL),),
            (change("crm/2", email="ann@other.{s}.example"),),
        ),
        ("crm/1 shop/1", "crm/2"),
        before={2: ("crm/1 shop/1 crm/2",)},
    ),
    Story(
        "bridge goes",
        "The record that joined two is dropped by its source.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL), record("shop/1", **ANN, phone=PHONE)),
            (record("desk/1", **ANN, email=ANN_MAIL, phone=PHONE),),
            (drop("desk/1"),),
        ),
        ("crm/1", "shop/1"),
        before={2: ("crm/1 shop/1 desk/1",)},
    ),
    Story(
        "dropped and back",
        "A source forgets a record for a day; it is the same when it returns.",
        (
            (record("crm/1", **ANN, email=ANN_MAIL), record("shop/1", **ANN, email=ANN_MAIL)),
            (drop("shop/1"),),
            (record("shop/1", **ANN, email=ANN_MAIL),),
        ),
        ("crm/1 shop/1",),
        before={2: ("crm/1",)},
    ),
    Story(
        "erase then return",
        "Who was erased and comes back is new: nothing of theirs returns.",
        (
            (
                record("crm/1", **ANN, email=ANN_MAIL),
                record("shop/1", **ANN, email=ANN_MAIL),
                event(user="ann", device="laptop", email=ANN_MAIL),
            ),
            (record("crm/2", **BEN, email=BEN_MAIL),),
            (erase("crm/1", "shop/1", "u/ann", "d/laptop"),),
            (record("crm/9", **ANN, email=ANN_MAIL), event(user="ann-2", email=ANN_MAIL)),
        ),
        ("crm/9 u/ann-2 e/ann.{n}@{s}.example", "crm/2"),
        before={2: ("crm/1 shop/1 u/ann d/laptop", "crm/2"), 3: ("crm/2",)},
    ),
)

STORIES = GRAPHS + PEOPLE + VALUES + DEVICES + DECISIONS + CHANGES
LIKENESS = ()
