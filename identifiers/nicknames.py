"""The formal given name behind a nickname: Bob, Rob and Bobby are Robert.

A short table holds the common English nicknames, where one formal name is by far the likeliest. The
rest comes from the ``nicknames`` package (Apache-2.0, https://github.com/carltonnorthern/nicknames),
which knows 1,200 names but not which of several formal ones is meant.
"""

from __future__ import annotations

from functools import cache, lru_cache

import pyarrow as pa
import pyarrow.compute as pc
from nicknames import NickNamer, name_triplets

from identifiers.text import as_texts, first_of, folded, trimmed

_COMMON = {
    "alexander": "alec alex lex xander", "alexandra": "lexi lexie", "andrew": "andy drew", "anthony": "tony",
    "barbara": "barb barbie babs", "benjamin": "ben benny benjie", "bernard": "bernie", "bradley": "brad",
    "calvin": "cal", "cameron": "cam", "catherine": "cathy cath kate katie kathy kat katherine kathryn cathryn kathrine katharine catharine",
    "charles": "charlie chuck chas charley", "christopher": "chris topher kit", "christine": "chrissy christy tina christina",
    "clifford": "cliff", "cynthia": "cindy", "daniel": "dan danny", "david": "dave davey", "deborah": "deb debbie debby debra",
    "dennis": "denny", "donald": "don donnie", "dorothy": "dot dottie dolly", "douglas": "doug", "edward": "ed eddie ned ted teddy",
    "elizabeth": "liz lizzie beth betsy betty eliza bess libby lisbeth elisabeth", "eugene": "gene", "florence": "flo",
    "frances": "fran frannie", "francis": "frank", "franklin": "frankie", "frederick": "fred freddie freddy", "gabriel": "gabe",
    "geoffrey": "geoff jeff jeffrey", "gerald": "gerry jerry", "gregory": "greg gregg", "harold": "hal harry", "henry": "hank",
    "howard": "howie", "jacob": "jake jaap", "jacqueline": "jackie", "james": "jim jimmy jimmie jamie jem", "jennifer": "jen jenny jenn",
    "jessica": "jess jessie", "john": "jack johnny johnnie jock", "jonathan": "jon jonathon johnathan johnathon", "joseph": "joe joey jos",
    "joshua": "josh", "judith": "judy", "kenneth": "ken kenny", "kimberly": "kim kimmy kimberley", "lawrence": "larry laurence",
    "leonard": "len lenny leo", "lillian": "lil lily", "louis": "lou lewis", "margaret": "maggie meg peg peggy marge margie greta",
    "martin": "marty", "matthew": "matt mat", "melissa": "mel missy", "michael": "mike mick mickey micky micheal", "nathaniel": "nat nate nathan",
    "nancy": "nan", "nicholas": "nick nicky nicolas nickolas", "pamela": "pam", "patricia": "patty trish patti", "patrick": "paddy",
    "peter": "pete", "philip": "phil phillip", "rachel": "rach", "raymond": "ray", "rebecca": "becca becky", "richard": "dick rick rich ricky richie",
    "robert": "bob bobby rob robbie robby bert", "ronald": "ron ronnie", "rosemary": "rosie", "russell": "russ", "samuel": "sam sammy",
    "sandra": "sandy", "stephanie": "steph", "stephen": "steve steven stevie", "stuart": "stu stewart", "susan": "sue suzie susie",
    "terence": "terry terrence", "theodore": "theo", "theresa": "terri tess teresa", "thomas": "tom tommy thom",
    "timothy": "tim timmy", "victoria": "vicky vicki tori", "vincent": "vince vinny", "virginia": "ginny ginger", "walter": "walt wally",
    "william": "bill billy will willie willy wil liam", "zachary": "zach zack zachariah",
}  # fmt: skip

# Names of other alphabets, which passports, clerks and their bearers spell in several ways.
_SPELLINGS = {
    "abdallah": "abdullah abdulla abdalla", "ahmad": "ahmed achmed ahmet", "aicha": "aisha ayesha aysha aishah aysa", "aleksandr": "oleksandr alexandr aleksander",
    "aleksei": "alexei alexey aleksey oleksiy oleksii", "ali": "aly", "andrei": "andrey andriy andrii", "bilal": "belal", "dmitri": "dmitry dmitriy dmytro dimitri dimitry",
    "ebrahim": "ibrahim ibraheem ibraheem", "elena": "yelena olena jelena", "evgenia": "evgeniya yevgenia yevgeniya", "evgeni": "evgeny evgeniy yevgeny yevgeni yevhen jevgeni",
    "fatima": "fatimah fatma fatema fatimata", "hamza": "hamzah", "hassan": "hasan", "hussein": "hussain husain hossein hossain husayn houssein hosein", "iusuf": "yusuf yousef youssef yousuf yusef yussuf youssouf",
    "jamal": "gamal djamal djamel", "karim": "kareem", "khadija": "khadijah khadeeja khadidja hadija", "khaled": "khalid", "layla": "leila laila leyla lejla", "mahmoud": "mahmud mahmood",
    "mariam": "maryam meryem miriam myriam", "mohammed": "mohammad mohamed mohamad muhammad muhammed muhamad muhamed mohd", "mustafa": "mostafa moustafa mustapha moustapha",
    "natalia": "nataliya natalya nataliia", "nur": "noor nour", "omar": "umar omer", "othman": "osman uthman usman ousmane", "rashid": "rasheed rachid", "said": "saeed saeid saied", "samir": "sameer",
    "sergei": "sergey serhiy serhii sergej", "tarek": "tariq tareq tarik", "tatiana": "tatyana tetiana tetyana", "vladimir": "volodymyr wladimir", "walid": "waleed oualid", "yulia": "yuliya iuliia juliya", "yuri": "yury yuriy iurii jurij", "zainab": "zeinab zaynab zineb zeynep",
}  # fmt: skip

_MAX_CHAIN = 5  # a nickname of a nickname of a formal name; the library holds no longer chain


def canonical_given_names(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Fold case and accents and put the formal name in place of a nickname.

    Unknown names stay as they are (folded); initials beside a name are dropped. The result is
    for comparing only, never for showing. Applying it twice changes nothing.
    """
    names = pc.replace_substring_regex(
        folded(trimmed(as_texts(values))), pattern=r"[^\p{L}]+", replacement=" "
    )
    names = pc.replace_substring_regex(
        names, pattern=r"(\p{L}{2,}) (?:\p{L}( |$))+$", replacement=r"\1"
    )
    names = trimmed(names)
    known = pc.unique(names.filter(pc.is_in(names, value_set=_listed_names())))
    formal = pa.array([_formal_name(name) for name in known.to_pylist()], pa.string())
    return pc.coalesce(formal.take(pc.index_in(names, value_set=known)), names)


def canonical_given_name(value: str) -> str | None:
    """Scalar form of `canonical_given_names`."""
    return first_of(canonical_given_names(pa.array([value], pa.string())))


@lru_cache(maxsize=1)
def known_given_names() -> frozenset[str]:
    """Every given name that the table or the library knows, folded."""
    names = _listed_names().to_pylist()
    return frozenset(names) | frozenset(map(_formal_name, names))


@lru_cache(maxsize=1)
def _listed_names() -> pa.Array:
    """Names of the table and of the library, nicknames and formal ones."""
    listed = {name for row in name_triplets() for name in (row.name1, row.name2)}
    return pa.array(sorted(listed | set(_settled())), pa.string())


@lru_cache(maxsize=1)
def _settled() -> dict[str, str]:
    """Names of the table, and the formal name behind each."""
    names = _COMMON | _SPELLINGS
    others = {other: formal for formal, listed in names.items() for other in listed.split()}
    return others | {formal: formal for formal in names}


@lru_cache(maxsize=1)
def _library() -> NickNamer:
    return NickNamer()


@cache
def _formal_name(name: str) -> str:
    """The formal name behind one that is listed."""
    return _resolve(name, _library(), _settled())


def _resolve(name: str, library: NickNamer, settled: dict[str, str]) -> str:
    for _ in range(_MAX_CHAIN):
        if name in settled:
            return settled[name]
        above = _likeliest_formal(name, library)
        if above is None:
            return name
        name = above
    return name


def _likeliest_formal(name: str, library: NickNamer) -> str | None:
    """Of the formal names that have more nicknames than this one, the one that is spelt most alike.

    More nicknames means more formal: it also keeps the library's odd loops (Bill and Robert name
    each other) from turning round.
    """
    weight = len(library.nicknames_of(name))
    formals = [
        (_shared_start(name, formal), len(library.nicknames_of(formal)), formal)
        for formal in sorted(library.canonicals_of(name))
    ]
    above = [candidate for candidate in formals if candidate[1] > weight]
    return max(above, key=lambda candidate: (candidate[0], candidate[1]))[2] if above else None


def _shared_start(one: str, other: str) -> int:
    """How many letters two names begin with in common."""
    differing = (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))
