"""Who is held out of everything that is chosen for persons: pages, mailings and search alike."""

from __future__ import annotations

from measurement import BUCKETS, Holdout, bucket
from measurement.assignment import bucket_sql
from personalization.draws import HOLDOUT_DRAW, drawn_as_sql

_NOBODY = "select cast(null as varchar) as person_id where false"


def is_held_out(holdout_id: str, holdout: Holdout) -> bool:
    """Whether a unit is held out; the twin of :func:`held_out_sql`.

    Args:
        holdout_id: The person, or their account where accounts are held out; after a merge the
            id that met the hold-out first.
        holdout: As configured.
    """
    return bucket(holdout_id, salt=_salt(holdout)) < _end(holdout)


def held_out_sql(holdout: Holdout | None) -> str:
    """The persons of ``marts.profiles`` who are held out, as a query of ``person_id``."""
    if holdout is None:
        return _NOBODY
    return f"""
        select person_id
        from ({drawn_as_sql(HOLDOUT_DRAW, unit=holdout.unit)})
        where {bucket_sql("drawn_as", salt=_salt(holdout))} < {_end(holdout)}
    """


def _salt(holdout: Holdout) -> str:
    return f"holdout|{holdout.salt}"


def _end(holdout: Holdout) -> int:
    return round(holdout.share * BUCKETS)
