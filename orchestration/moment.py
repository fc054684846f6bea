"""When a run happens: by the data, and by the clock."""

from __future__ import annotations

from orchestration.company import utc_now
from prediction import Moment
from warehouse import Warehouse

# The same seed for everyone: a run is repeatable, on any machine.
SEED = 20_260_101


def moment_of(warehouse: Warehouse) -> Moment:
    """The moment up to which the warehouse knows, and now."""
    now = utc_now()
    known = warehouse.scalar("select max(as_of) from raw.as_of")
    return Moment(as_of=known or now, now=now, seed=SEED)
