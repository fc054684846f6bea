"""The names of draws, and by which id each person is drawn in one."""

from __future__ import annotations

from typing import Literal

from measurement import ExperimentsConfig
from personalization.inventory import DRAW_UNITS
from warehouse import literal

HOLDOUT_DRAW = "holdout"
# By unit: what is drawn, over marts.profiles.
UNITS = {
    "person": "profiles.person_id",
    "account": "coalesce(profiles.account_id, profiles.person_id)",
}


def slot_draw(experiment_key: str) -> str:
    """The draw of an experiment's variants on pages."""
    return f"slot:{experiment_key}"


def email_draw(block_key: str) -> str:
    """The draw of the arms of an e-mail block."""
    return f"email_block:{block_key}"


def drawn_as_sql(draw: str, *, unit: Literal["person", "account"]) -> str:
    """Every person of ``marts.profiles`` with what is drawn for them: (person_id, drawn_as).

    Args:
        draw: Its name.
        unit: Whether companies are drawn; a person without one is drawn alone.
    """
    return f"""
        select profiles.person_id, coalesce(units.drawn_as, {UNITS[unit]}) as drawn_as
        from marts.profiles as profiles
        left join {DRAW_UNITS.name.sql} as units
            on units.draw = {literal(draw)} and units.unit_id = {UNITS[unit]}
    """


def company_draws(experiments: ExperimentsConfig) -> list[str]:
    """The draws in which a company is one unit."""
    held_out = experiments.holdout
    slots = [
        slot_draw(key)
        for key, experiment in experiments.experiments.items()
        if experiment.variants and experiment.unit == "account"
    ]
    return [*([HOLDOUT_DRAW] if held_out and held_out.unit == "account" else []), *slots]
