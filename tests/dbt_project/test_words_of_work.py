"""What titles and industries say by their words, as the vendors of CRMs and statistics name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import jinja2
import pytest

from tests.dbt_project.project import PROJECT

Lists = list[tuple[str, str]]

HUBSPOT = """
ACCOUNTING AIRLINES_AVIATION ALTERNATIVE_DISPUTE_RESOLUTION ALTERNATIVE_MEDICINE ANIMATION
APPAREL_FASHION ARCHITECTURE_PLANNING ARTS_AND_CRAFTS AUTOMOTIVE AVIATION_AEROSPACE BANKING
BIOTECHNOLOGY BROADCAST_MEDIA BUILDING_MATERIALS BUSINESS_SUPPLIES_AND_EQUIPMENT CAPITAL_MARKETS
CHEMICALS CIVIC_SOCIAL_ORGANIZATION CIVIL_ENGINEERING COMMERCIAL_REAL_ESTATE
COMPUTER_NETWORK_SECURITY COMPUTER_GAMES COMPUTER_HARDWARE COMPUTER_NETWORKING COMPUTER_SOFTWARE
INTERNET CONSTRUCTION CONSUMER_ELECTRONICS CONSUMER_GOODS CONSUMER_SERVICES COSMETICS DAIRY
DEFENSE_SPACE DESIGN EDUCATION_MANAGEMENT E_LEARNING ELECTRICAL_ELECTRONIC_MANUFACTURING
ENTERTAINMENT ENVIRONMENTAL_SERVICES EVENTS_SERVICES EXECUTIVE_OFFICE FACILITIES_SERVICES
FARMING FINANCIAL_SERVICES FINE_ART FISHERY FOOD_BEVERAGES FOOD_PRODUCTION FUND_RAISING
FURNITURE GAMBLING_CASINOS GLASS_CERAMICS_CONCRETE GOVERNMENT_ADMINISTRATION
GOVERNMENT_RELATIONS GRAPHIC_DESIGN HEALTH_WELLNESS_AND_FITNESS HIGHER_EDUCATION
HOSPITAL_HEALTH_CARE HOSPITALITY HUMAN_RESOURCES IMPORT_AND_EXPORT INDIVIDUAL_FAMILY_SERVICES
INDUSTRIAL_AUTOMATION INFORMATION_SERVICES INFORMATION_TECHNOLOGY_AND_SERVICES INSURANCE
INTERNATIONAL_AFFAIRS INVESTMENT_BANKING INVESTMENT_MANAGEMENT JUDICIARY LAW_ENFORCEMENT
LAW_PRACTICE LEGAL_SERVICES LEGISLATIVE_OFFICE LEISURE_TRAVEL_TOURISM LIBRARIES
LOGISTICS_AND_SUPPLY_CHAIN LUXURY_GOODS_JEWELRY MACHINERY MANAGEMENT_CONSULTING MARITIME
MARKET_RESEARCH MARKETING_AND_ADVERTISING MECHANICAL_OR_INDUSTRIAL_ENGINEERING MEDIA_PRODUCTION
MEDICAL_DEVICES MEDICAL_PRACTICE MENTAL_HEALTH_CARE MILITARY MINING_METALS
MOTION_PICTURES_AND_FILM MUSEUMS_AND_INSTITUTIONS MUSIC NANOTECHNOLOGY NEWSPAPERS
NON_PROFIT_ORGANIZATION_MANAGEMENT OIL_ENERGY ONLINE_MEDIA OUTSOURCING_OFFSHORING
PACKAGE_FREIGHT_DELIVERY PACKAGING_AND_CONTAINERS PAPER_FOREST_PRODUCTS PERFORMING_ARTS
PHARMACEUTICALS PHILANTHROPY PHOTOGRAPHY PLASTICS POLITICAL_ORGANIZATION
PRIMARY_SECONDARY_EDUCATION PRINTING PROFESSIONAL_TRAINING_COACHING PROGRAM_DEVELOPMENT
PUBLIC_POLICY PUBLIC_RELATIONS_AND_COMMUNICATIONS PUBLIC_SAFETY PUBLISHING RAILROAD_MANUFACTURE
RANCHING REAL_ESTATE RECREATIONAL_FACILITIES_AND_SERVICES RELIGIOUS_INSTITUTIONS
RENEWABLES_ENVIRONMENT RESEARCH RESTAURANTS RETAIL SECURITY_AND_INVESTIGATIONS SEMICONDUCTORS
SHIPBUILDING SPORTING_GOODS SPORTS STAFFING_AND_RECRUITING SUPERMARKETS TELECOMMUNICATIONS
TEXTILES THINK_TANKS TOBACCO TRANSLATION_AND_LOCALIZATION TRANSPORTATION_TRUCKING_RAILROAD
UTILITIES VENTURE_CAPITAL_PRIVATE_EQUITY VETERINARY WAREHOUSING WHOLESALE WINE_AND_SPIRITS
WIRELESS WRITING_AND_EDITING
"""
SALESFORCE = """
Agriculture|Apparel|Banking|Biotechnology|Chemicals|Communications|Construction|Consulting|Education|
Electronics|Energy|Engineering|Entertainment|Environmental|Finance|Food & Beverage|Government|Healthcare|
Hospitality|Insurance|Machinery|Manufacturing|Media|Not For Profit|Recreation|Retail|Shipping|Technology|
Telecommunications|Transportation|Utilities|Other
"""
NAICS = """
Agriculture, Forestry, Fishing and Hunting|Mining, Quarrying, and Oil and Gas Extraction|Utilities|
Construction|Manufacturing|Wholesale Trade|Retail Trade|Transportation and Warehousing|Information|
Finance and Insurance|Real Estate and Rental and Leasing|
Professional, Scientific, and Technical Services|Management of Companies and Enterprises|
Administrative and Support and Waste Management and Remediation Services|Educational Services|
Health Care and Social Assistance|Arts, Entertainment, and Recreation|
Accommodation and Food Services|Other Services (except Public Administration)|Public Administration
"""
# Names that are too wide for any sector, or of a kind of its own.
OF_NO_SECTOR = {
    "BUSINESS_SUPPLIES_AND_EQUIPMENT", "EXECUTIVE_OFFICE", "INTERNATIONAL_AFFAIRS",
    "MUSEUMS_AND_INSTITUTIONS", "Other", "PROGRAM_DEVELOPMENT", "THINK_TANKS",
}  # fmt: skip

SECTORS = {
    "REAL_ESTATE": "services", "CONSUMER_GOODS": "retail", "CAPITAL_MARKETS": "finance",
    "NON_PROFIT_ORGANIZATION_MANAGEMENT": "public_service", "Nonprofit": "public_service",
    "E_LEARNING": "education", "eCommerce": "retail", "E-Learning": "education",
    "Other Services (except Public Administration)": "services", "Publications": "media",
    "Public Administration": "public_service", "Public Company": "", "Law": "services",
    "PUBLIC_RELATIONS_AND_COMMUNICATIONS": "media", "Communications": "technology",
    "Lawn & Garden": "", "LAW_PRACTICE": "services", "LAW_ENFORCEMENT": "public_service",
    "Agriculture, Forestry, Fishing and Hunting": "agriculture", "Einzelhandel": "retail",
    "Arts, Entertainment, and Recreation": "hospitality media", "Information": "technology",
}  # fmt: skip
FUNCTIONS = {
    "Personal Trainer": "", "Personal Assistant": "", "Personal Banker": "",
    "Personal Care Aide": "", "Personalleiterin": "people", "Personalabteilung": "people",
    "Leiter Personal": "people", "Landscape Architect": "", "Software Architect": "engineering",
    "Make It Happen Officer": "", "IT-Leiter": "engineering", "Head of IT": "engineering",
    "VP Finance & IT": "engineering finance", "Senior IT Manager": "engineering",
    "IT/OT Lead": "engineering", "Help-Desk Agent": "support", "Projektleiterin": "product",
}  # fmt: skip


class ReturnedError(Exception):
    """What a macro returns to another, as dbt has it."""


def hand_back(value: object) -> None:
    raise ReturnedError(value)


@pytest.fixture(scope="module")
def macros() -> Any:
    environment = jinja2.Environment(autoescape=False)
    environment.globals["return"] = hand_back
    environment.globals["matches"] = lambda column, words: f"regexp_matches({column}, '{words}')"
    return environment.from_string((PROJECT / "macros" / "work.sql").read_text()).module


def words_of(macro: Callable[[], object]) -> Lists:
    with pytest.raises(ReturnedError) as returned:
        macro()
    words: Lists = returned.value.args[0]
    return words


def found_in(texts: list[str], said: str, lists: Lists, macros: Any) -> Mapping[str, str]:
    """Of each text the lists that have a word of it."""
    found = ", ".join(
        f"case when {macros.has_word(said, words)} then '{name}' end"
        for name, words in sorted(lists)
    )
    query = f"select text, concat_ws(' ', {found}) from (select unnest($texts) as text)"
    with duckdb.connect() as engine:
        return dict(engine.execute(query, {"texts": texts}).fetchall())


def sectors_in(texts: list[str], macros: Any) -> Mapping[str, str]:
    said = str(macros.industry_said("text"))
    return found_in(texts, said, words_of(macros.sectors_of_industry), macros)


def test_every_industry_of_the_vendors_has_a_sector_but_for_those_too_wide(macros: Any) -> None:
    listed = f"{SALESFORCE}|{NAICS}".replace("\n", "").split("|")

    found = sectors_in([*HUBSPOT.split(), *filter(None, listed)], macros)

    assert {name for name, sectors in found.items() if not sectors} == OF_NO_SECTOR


def test_industries_are_read_by_whole_words(macros: Any) -> None:
    assert sectors_in(list(SECTORS), macros) == SECTORS


def test_titles_are_read_by_whole_words(macros: Any) -> None:
    lists = words_of(macros.functions_of_work)

    assert found_in(list(FUNCTIONS), "lower(text)", lists, macros) == FUNCTIONS
