"""What is known of the exports of CRMs: which column holds what, under all the names it may have.

A tool names its columns one way on the screen ("First Name"), another way in its API
(``properties.firstname``), and loaders write these as ``properties_firstname``. Names are compared
without case, blanks and such a prefix, so one name here stands for all of its spellings. The first
name of each field is the API's own: a pull asks for it.

Sources: HubSpot CRM API v3 (objects, default properties) and the labels of its exports;
Salesforce Object Reference (Contact, Lead, Account, Opportunity) and the labels of its reports;
HubSpot Email Events API v1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

Names = tuple[str, ...]

_PREFIX = re.compile(r"^(?:property_|properties[._])")
# The dates on which a contact reached a stage, by API name and by label, of both generations.
_STAGE_COLUMNS = (
    re.compile(r"hs_lifecyclestage_(.+)_date"),
    re.compile(r"became an? (.+) date"),
    re.compile(r"hs_v2_date_entered_(.+)"),
    re.compile(r'date entered "(.+) \(lifecycle stage pipeline\)"'),
)
# HubSpot's own stage "other" is called otherwise in the label of its date.
_STAGE_LABELS = {"otherlifecycle": "other", "otherlifecyclestage": "other"}
# Fields that not every organisation has: a query that asks for them may be refused.
_RARE = frozenset({"middle_name", "currency"})


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns of one file that a preset reads; None where the file has none.

    Attributes:
        id: What identifies a row.
        created_at: Time of creation.
        updated_at: Time of the last change.
        person_id: Whose the row is: the contact's id.
        person_email: Whose the row is: an address.
        fields: Candor's name to the file's column.
        stages: Stage to the column with the date on which it was reached.
    """

    id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    person_id: str | None = None
    person_email: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, str] = field(default_factory=dict)

    @property
    def knows_something(self) -> bool:
        """Whether any column was recognised."""
        single = (self.id, self.created_at, self.updated_at, self.person_id, self.person_email)
        return any(single) or bool(self.fields or self.stages)


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of export.

    Attributes:
        kind: What its rows are: a kind of records, or ``events``.
        id: Names of the column that identifies a row.
        fields: Candor's name to the names of the column.
        created_at: Names of the column with the time of creation.
        updated_at: Names of the column with the time of the last change.
        person_id: Names of the column with the id of the contact whose the row is.
        person_email: Names of the column with an address of whom the row is.
        has_stages: Whether a row holds a date for every stage that was reached.
        tool: Whose API gives the same objects; None where no pull reads them.
        object: What they are called there.
    """

    kind: str
    id: Names
    fields: Mapping[str, Names]
    created_at: Names = ()
    updated_at: Names = ()
    person_id: Names = ()
    person_email: Names = ()
    has_stages: bool = False
    tool: str | None = None
    object: str | None = None

    def choose(self, columns: Iterable[str]) -> Choice:
        """The columns of a file that this export's fields stand in; of two that fit, the first."""
        listed = list(columns)
        known = {_bare(column): column for column in reversed(listed)}

        def first(names: Names) -> str | None:
            return next((known[_bare(name)] for name in names if _bare(name) in known), None)

        found = {name: first(names) for name, names in self.fields.items()}
        return Choice(
            first(self.id),
            first(self.created_at),
            first(self.updated_at),
            first(self.person_id),
            first(self.person_email),
            {name: column for name, column in found.items() if column is not None},
            _stages(listed) if self.has_stages else {},
        )

    @property
    def api_columns(self) -> frozenset[str]:
        """The columns that a pull asks for, under the names of the tool's API."""
        fields = [names for name, names in self.fields.items() if name not in _RARE]
        every = (self.id, self.created_at, self.updated_at, self.person_email, *fields)
        names = {names[0] for names in every if names}
        return frozenset(names | (_STAGE_DATES if self.has_stages else set()))


def _bare(name: str) -> str:
    """A column's name without case, blanks and the prefix that loaders write."""
    return _plain(name).replace(" ", "")


def _plain(name: str) -> str:
    return _PREFIX.sub("", " ".join(name.casefold().split()))


def _stages(columns: Iterable[str]) -> dict[str, str]:
    """The stages whose dates a file has, each once: the elder column where there are two."""
    found: dict[str, str] = {}
    named = [(_plain(column), column) for column in columns]
    for pattern in _STAGE_COLUMNS:
        for plain, column in named:
            if matched := pattern.fullmatch(plain):
                stage = matched[1].replace(" ", "")
                found.setdefault(_STAGE_LABELS.get(stage, stage), column)
    return found


_HUBSPOT_STAGES = [
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
]
_STAGE_DATES: Final = {f"properties.hs_lifecyclestage_{stage}_date" for stage in _HUBSPOT_STAGES}


def _hubspot(**labels: str) -> dict[str, Names]:
    """Fields by property, then by labels that differ from its name: ``property | Label | Label``."""
    return {
        field: tuple(_property(name.strip(), place) for place, name in enumerate(names.split("|")))
        for field, names in labels.items()
    }


def _property(name: str, place: int) -> str:
    return name if place else f"properties.{name}"


def _salesforce(**names: str) -> dict[str, Names]:
    return {field: tuple(map(str.strip, listed.split("|"))) for field, listed in names.items()}


# The record's own id comes first: files with associations have columns for several objects.
_HUBSPOT_ID = ("id", "hs_object_id", "Record ID")
_HUBSPOT_CREATED = ("properties.createdate", "Create Date", "hs_createdate", "createdAt")
_SALESFORCE_CREATED = ("CreatedDate", "Created Date")
_SALESFORCE_UPDATED = (
    "SystemModstamp", "LastModifiedDate", "Last Modified Date", "Last Modified",
)  # fmt: skip

_HUBSPOT_CONTACT_ID = (*_HUBSPOT_ID, "Record ID - Contact", "Contact ID", "vid", "canonical-vid")
_HUBSPOT_CONTACTS = Preset(
    "person_records",
    _HUBSPOT_CONTACT_ID,
    _hubspot(
        first_name="firstname",
        last_name="lastname",
        email="email | Email Address",
        phone="phone | Phone Number",
        street="address | Street Address",
        city="city",
        state="state | State/Region",
        postal_code="zip | Postal Code | Zip Code",
        country="country | Country/Region",
        birth_date="date_of_birth | Date of Birth",
        company_name="company | Company Name | Associated Company",
        job_title="jobtitle",
        lifecycle_stage="lifecyclestage",
        account_id="associatedcompanyid | Primary Associated Company ID | Associated Company ID "
        "| Associated Company IDs",
    ),
    _HUBSPOT_CREATED,
    ("properties.lastmodifieddate", "hs_lastmodifieddate", "Last Modified Date", "updatedAt"),
    tool="hubspot",
    object="contacts",
)
_HUBSPOT_UPDATED = (
    "properties.hs_lastmodifieddate", "lastmodifieddate", "Last Modified Date", "updatedAt",
)  # fmt: skip

_SALESFORCE_CONTACT_NAMES = {
    "first_name": "FirstName",
    "middle_name": "MiddleName",
    "last_name": "LastName",
    "email": "Email",
    "phone": "Phone",
    "job_title": "Title",
}

PRESETS: Mapping[str, Preset] = {
    "hubspot_contacts": _HUBSPOT_CONTACTS,
    "hubspot_lifecycle": Preset(
        "lifecycle_events",
        (),
        {},
        person_id=_HUBSPOT_CONTACT_ID,
        person_email=_HUBSPOT_CONTACTS.fields["email"],
        has_stages=True,
        tool="hubspot",
        object="contacts",
    ),
    "hubspot_companies": Preset(
        "accounts",
        (*_HUBSPOT_ID, "Record ID - Company", "Company ID", "companyId"),
        _hubspot(
            name="name | Company Name",
            domain="domain | Company Domain Name",
            website="website | Website URL",
            industry="industry",
            employee_count="numberofemployees | Number of Employees",
            annual_revenue="annualrevenue | Annual Revenue",
            country="country | Country/Region",
            account_type="type",
        ),
        _HUBSPOT_CREATED,
        _HUBSPOT_UPDATED,
        tool="hubspot",
        object="companies",
    ),
    "hubspot_deals": Preset(
        "deals",
        (*_HUBSPOT_ID, "Record ID - Deal", "Deal ID", "dealId"),
        _hubspot(
            name="dealname | Deal Name",
            deal_type="dealtype | Deal Type",
            stage="dealstage | Deal Stage",
            pipeline="pipeline",
            amount="amount",
            currency="deal_currency_code | Currency",
            probability="hs_deal_stage_probability | Deal probability",
            is_closed="hs_is_closed | Is Deal Closed?",
            is_won="hs_is_closed_won | Is Closed Won",
            closed_at="closedate | Close Date",
            account_id="hs_primary_associated_company | Primary Associated Company "
            "| Associated Company IDs",
        ),
        _HUBSPOT_CREATED,
        _HUBSPOT_UPDATED,
        person_id=("Associated Contact IDs", "Associated Contact ID"),
        tool="hubspot",
        object="deals",
    ),
    "hubspot_email_events": Preset(
        "events",
        ("id",),
        {
            "event": ("type",),
            "occurred_at": ("created",),
            "email": ("recipient",),
            "page_url": ("url",),
            "page_referrer": ("referer",),
            "campaign_name": ("emailCampaignName", "emailCampaignId"),
            "user_agent": ("userAgent",),
            "ip": ("ipAddress",),
            "device_type": ("deviceType",),
        },
    ),
    "salesforce_contacts": Preset(
        "person_records",
        ("Id", "Contact ID", "18 Digit Contact ID"),
        _salesforce(
            **_SALESFORCE_CONTACT_NAMES,
            street="MailingStreet",
            city="MailingCity",
            state="MailingState | Mailing State/Province",
            postal_code="MailingPostalCode | Mailing Zip/Postal Code",
            country="MailingCountry",
            birth_date="Birthdate",
            company_name="Account.Name | Account Name",
            account_id="AccountId | Account ID",
        ),
        _SALESFORCE_CREATED,
        _SALESFORCE_UPDATED,
        tool="salesforce",
        object="Contact",
    ),
    "salesforce_leads": Preset(
        "person_records",
        ("Id", "Lead ID", "18 Digit Lead ID"),
        _salesforce(
            **_SALESFORCE_CONTACT_NAMES,
            street="Street",
            city="City",
            state="State | State/Province",
            postal_code="PostalCode | Zip/Postal Code",
            country="Country",
            company_name="Company | Company / Account",
        ),
        _SALESFORCE_CREATED,
        _SALESFORCE_UPDATED,
        tool="salesforce",
        object="Lead",
    ),
    "salesforce_accounts": Preset(
        "accounts",
        ("Id", "Account ID", "18 Digit Account ID"),
        _salesforce(
            name="Name | Account Name",
            website="Website",
            industry="Industry",
            employee_count="NumberOfEmployees | Employees",
            annual_revenue="AnnualRevenue | Annual Revenue",
            country="BillingCountry | Billing Country",
            account_type="Type | Account Type",
        ),
        _SALESFORCE_CREATED,
        _SALESFORCE_UPDATED,
        tool="salesforce",
        object="Account",
    ),
    "salesforce_opportunities": Preset(
        "deals",
        ("Id", "Opportunity ID", "18 Digit Opportunity ID"),
        _salesforce(
            name="Name | Opportunity Name",
            deal_type="Type | Opportunity Type",
            stage="StageName | Stage",
            amount="Amount",
            currency="CurrencyIsoCode | Amount Currency | Opportunity Currency",
            probability="Probability | Probability (%)",
            is_closed="IsClosed | Closed",
            is_won="IsWon | Won",
            closed_at="CloseDate | Close Date",
            account_id="AccountId | Account ID",
        ),
        _SALESFORCE_CREATED,
        _SALESFORCE_UPDATED,
        person_id=("ContactId", "Contact ID", "Primary Contact ID"),
        tool="salesforce",
        object="Opportunity",
    ),
}


def row_kind(kind: str) -> str:
    """What the rows of a source of this kind are."""
    return PRESETS[kind].kind if kind in PRESETS else kind
