"""What an archive calls the places of the warehouse, for a person who never saw a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from warehouse import TableName


class Part(IntEnum):
    """Where in an archive a table stands."""

    GIVEN = 0
    MADE = 1
    WORKING_COPY = 2


@dataclass(frozen=True, slots=True)
class PlainWords:
    """What a person is told of a table.

    Attributes:
        what: What it holds of them.
        why: What it is kept for.
        origin: Where it came from; None where the rows name the systems that sent them.
        part: Where in the archive it stands.
    """

    what: str
    why: str
    origin: str | None
    part: Part


KINDS = {
    "person_id": "our number for a person",
    "source_record": "a record in one of our systems",
    "anonymous_id": "a browser or device",
    "user_id": "a sign-in",
    "email": "an e-mail address",
    "phone": "a telephone number",
}

_COMPUTED = "Worked out by our software from what we received."
_WRITTEN = "Written down by our software when it happened."
_ASKED = "From your request, or from the signal that your browser sends."
_ONE_PERSON = (
    "To know that several records, browsers and devices are one person, and whose they are not."
)
_COPY = "To work out the next time only what has changed."
_CHOOSING = "To choose what you are shown, where you allowed that."
_MESSAGES = "To decide whom we write to or show advertising, and whom not."
_MEASURING = "To find out whether what we do helps."

_MADE: dict[str, tuple[str, str]] = {
    "identity.identifiers": ("By which names our systems know you", _ONE_PERSON),
    "identity.links": ("Why two of your records are taken for one person", _ONE_PERSON),
    "identity.members": ("Which records and devices count as yours now", _ONE_PERSON),
    "identity.members_history": ("Which records and devices counted as yours, and when", _ONE_PERSON),
    "identity.devices": ("Browsers and devices on which you signed in", _ONE_PERSON),
    "identity.persons": ("The numbers that our software gave you", _ONE_PERSON),
    "identity.changes": ("When two persons here turned out to be you, or you to be two", _ONE_PERSON),
    "identity.review_queue": ("Records that may be yours, which somebody is to look at", _ONE_PERSON),
    "identity.account_records": ("Records of companies that name you", _ONE_PERSON),
    "marts.profiles": ("What we know of you now, in one row", "To have one picture of you."),
    "marts.profile_sources": ("Which record each entry of your profile is from", "To say why it stands there."),
    "marts.contact_points": ("Your e-mail addresses and telephone numbers", "To reach you."),
    "marts.current_person": ("Which of our numbers for you is the one of today", _ONE_PERSON),
    "marts.events": ("What you did on our sites and with our messages", "To know how our offer is used."),
    "marts.sessions": ("Your visits", "To know how our offer is used."),
    "marts.content_engagement": ("What you have read", _CHOOSING),
    "marts.orders": ("Your orders", "To keep account of what you bought."),
    "marts.account_members": ("The company that you belong to", "To know who works for which customer."),
    "marts.account_members_history": ("Companies that you belonged to", "To know who worked for which customer."),
    "marts.consent_current": ("What you have allowed and refused, as it is now", "To do as you said."),
    "marts.consent_history": ("What you have allowed and refused, and when", "To prove what you said."),
    "marts.features_as_of": ("What was known of you on certain days, as numbers", "To learn and to compute scores."),
    "marts.traits_history": ("How entries of your profile have changed", "To know since when something holds."),
    "prediction.spine": ("On which days scores of you were computed or learnt from", "To learn and to compute scores."),
    "prediction.propensity_scores": ("Scores: how likely you are to do something", _MESSAGES),
    "prediction.account_scores": ("Scores of your company, computed from what you did", _MESSAGES),
    "prediction.account_score_members": ("Scores of your company to which you contributed", _MESSAGES),
    "prediction.persona_members": ("The group of readers that you resemble", _CHOOSING),
    "prediction.learnt_from": ("Which scores were learnt from you, among others", "To find them where you want to be forgotten."),
    "personalization.recommendations": ("What is recommended to you", _CHOOSING),
    "personalization.search_profiles": ("What you read more about than others do", _CHOOSING),
    "personalization.draw_units": ("Under which number chance chose what you see", "To show you the same again."),
    "audiences.memberships": ("Groups of recipients that you are in", _MESSAGES),
    "audiences.suppressed_members": ("Groups of recipients that you are kept out of, for want of your consent", "To do as you said."),
    "measurement.assignments": ("Trials that you took part in, and in which half", _MEASURING),
    "measurement.exposures": ("Which version you met in a trial, and when", _MEASURING),
    "measurement.outcomes": ("What you did in a trial afterwards", _MEASURING),
}  # fmt: skip
_RECORDED: dict[str, tuple[str, str]] = {
    "personalization.decisions": ("What you were shown, and by which rule", "To find out whether it helps, and to be able to explain it."),
    "personalization.email_blocks": ("What our e-mails showed you, or would have shown", "To find out whether it helps, and to be able to explain it."),
    "audiences.membership_changes": ("When you came into a group of recipients, or left it", "To be able to explain it."),
    "sync.ledger": ("What we last sent of you to other services", "To be able to take it back there."),
    "sync.row_results": ("What we sent of you to other services, and what they answered", "To prove what was sent."),
    "identity.decisions": ("What one of us decided about two of your records", _ONE_PERSON),
    "privacy.hold_records": ("Which of your records must be kept for a legal claim", "The law asks for it."),
}  # fmt: skip
_GIVEN: dict[str, tuple[str, str]] = {
    "raw.events": ("What you did, as our sites and tools reported it", "To know how our offer is used."),
    "raw.person_records": ("Your records in our systems, each version of them", "To know our customers, readers and contacts."),
    "raw.orders": ("Your orders, as our shop or accounts reported them", "To keep account of what you bought."),
    "raw.subscriptions": ("Your subscriptions", "To keep account of what you use."),
    "raw.lifecycle_events": ("How far you came on the way to being a customer", _MESSAGES),
    "raw.deals": ("Sales that we hope for, won or lost with you", "To keep account of sales."),
    "raw.tickets": ("Your questions to our support", "To help you."),
    "raw.consent_events": ("What you allowed or refused, each time", "To do as you said, and to prove it."),
    "raw.quarantine": ("Rows that name you and could not be used", "To correct them."),
    "raw.contract_violations": ("Reports about you that were not as agreed", "To correct them."),
}  # fmt: skip
_REQUESTED: dict[str, tuple[str, str]] = {
    "privacy.objections": ("What you objected to", "To do as you said."),
    "privacy.objecting_persons": ("What you objected to, as it holds today", "To do as you said."),
}  # fmt: skip
_COPIES: dict[str, tuple[str, str]] = {
    "identity.prepared_records": ("Your records, made ready to be compared", _ONE_PERSON),
    "identity.node_states": ("What your records and devices were when they were last compared", _COPY),
}  # fmt: skip
_FILES = {
    "landing": ("Files as our systems sent them", "To be able to read them again."),
    "requests": ("Your request itself", "To answer it."),
    "artifacts": ("Files that are made of the above, such as lists for other services", _MESSAGES),
}
_A_FILE = ("Files that our software made while it ran", "To be able to say what went wrong.")


def words_of(place: str) -> PlainWords:
    """What a person is told of a table or a folder of files, by its name."""
    known = (
        (_GIVEN, None, Part.GIVEN),
        (_MADE, _COMPUTED, Part.MADE),
        (_RECORDED, _WRITTEN, Part.MADE),
        (_REQUESTED, _ASKED, Part.MADE),
        (_COPIES, _COMPUTED, Part.WORKING_COPY),
    )
    for words, origin, part in known:
        if place in words:
            return PlainWords(*words[place], origin, part)
    schema = place.partition(".")[0]
    if schema == "raw":
        return PlainWords(
            "What one of our systems sent about you", "To know our customers.", None, Part.GIVEN
        )
    if schema == "intermediate":
        return PlainWords("A step on the way to the above", _COPY, _COMPUTED, Part.WORKING_COPY)
    is_file = "/" in place
    if not is_file and (schema == "marts" or "." in place):
        return PlainWords(
            "More that is worked out about you", "To have one picture of you.", _COMPUTED, Part.MADE
        )
    what, why = _FILES.get(place.partition("/")[0], _A_FILE)
    return PlainWords(what, why, None, Part.GIVEN)


def is_worded(table: TableName) -> bool:
    """Whether a table has words of its own, or is a step that needs none."""
    named = (_GIVEN, _MADE, _RECORDED, _REQUESTED, _COPIES)
    return table.schema == "intermediate" or any(str(table) in words for words in named)


def in_words(column: str) -> str:
    """A column's name without the signs of programmers."""
    return column.replace("_", " ")


def origin_of(words: PlainWords, sources: Sequence[str]) -> str:
    """Where the rows of a table came from."""
    if words.origin is not None:
        return words.origin
    return f"Received from: {', '.join(sources)}." if sources else "Received from our systems."
