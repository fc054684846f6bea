"""How well repeat purchases are foretold: BG/NBD learnt up to a day, judged by what came after.

The file has one transaction a line, fields parted by blanks: customer, customer in the sample, day
(yyyymmdd), units, dollars; the public one of CDNOW has this form. Purchases on one day are one, as
Fader, Hardie & Lee (2005) count them. Time is in weeks.

Run it by ``python -m benchmarks.repeat_purchases FILE --until 1997-09-30 --weeks 39``.
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

import numpy as np

from prediction.purchases import Purchases, fit_repeats
from warehouse import DuckDBWarehouse

# One row per customer who had bought by then.
_CUSTOMERS = r"""
    with lines as (
        select regexp_split_to_array(trim(line), '\s+') as fields
        from read_csv($file, columns = {'line': 'varchar'}, delim = '\x07', quote = '',
                      escape = '', header = false)
        where trim(line) <> ''
    ),
    bought as (
        select distinct fields[1] as customer, strptime(fields[3], '%Y%m%d')::date as on_day
        from lines
    ),
    firsts as (select *, min(on_day) over (partition by customer) as first_day from bought)
    select (count(*) filter (where on_day <= $until) - 1)::double as repeats,
           date_diff('day', min(first_day), max(on_day) filter (where on_day <= $until)) / 7.0 as last,
           date_diff('day', min(first_day), $until) / 7.0 as known,
           count(*) filter (where on_day > $until)::double as later
    from firsts
    where first_day <= $until and on_day <= $until + to_days($weeks * 7)
    group by customer
    order by customer
"""


def main() -> None:
    """Print the parameters, and what they foretell beside what came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--until", type=dt.date.fromisoformat, required=True, help="last day learnt from"
    )
    parser.add_argument("--weeks", type=int, default=39, help="how far ahead is foretold")
    asked = parser.parse_args()
    values = {"file": str(asked.file), "until": asked.until, "weeks": asked.weeks}
    found = DuckDBWarehouse.in_memory().read(_CUSTOMERS, values)
    repeats, last, known, later = (
        np.asarray(found[name].to_numpy(), dtype=np.float64) for name in found.column_names
    )
    purchases = Purchases(repeats, last, known)
    model = fit_repeats(purchases)
    expected = model.expected(purchases, float(asked.weeks))
    print(f"{len(later)} customers, {int((repeats > 0).sum())} of whom came back")
    print(f"r {model.r:.4f}, alpha {model.alpha:.3f}, a {model.a:.4f}, b {model.b:.3f}")
    print(f"correlation {np.corrcoef(expected, later)[0, 1]:.3f}")
    print(f"expected {expected.sum():.0f} purchases, {later.sum():.0f} came")


if __name__ == "__main__":
    main()
