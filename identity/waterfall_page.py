"""Write waterfalls as one HTML file that needs no network: Splink's chart with its own libraries."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from identity.evaluation_report import page, table
from identity.waterfall import Step, Waterfall


@dataclass(frozen=True, slots=True)
class Explained:
    """One section of the page.

    Attributes:
        title: Which two records.
        said: Why they are linked or not, in words.
        waterfall: Their weight; None where nothing was compared.
    """

    title: str
    said: str
    waterfall: Waterfall | None


def waterfall_page(title: str, sections: Sequence[Explained]) -> str:
    """Return the page; it holds values of records only where the waterfalls do."""
    parts = [f"<h1>{html.escape(title)}</h1>"]
    for number, section in enumerate(sections):
        parts += _section(number, section)
    if any(section.waterfall for section in sections):
        parts.append(_libraries())
    return page(title, "\n".join(parts))


def _section(number: int, section: Explained) -> Iterator[str]:
    yield f"<h2>{html.escape(section.title)}</h2>\n<p>{html.escape(section.said)}</p>"
    if section.waterfall is None:
        return
    waterfall = section.waterfall
    yield (
        f"<p>Match weight {waterfall.weight:+.2f} bits, probability {waterfall.probability:.4g}; "
        f"pairs link from {waterfall.threshold:.4f} on.</p>"
    )
    chart = json.dumps(_chart(waterfall)).replace("<", "\\u003c")
    yield f'<div class="chart" id="chart{number}"></div>'
    yield f'<script type="application/json" class="spec" data-for="chart{number}">{chart}</script>'
    has_values = any(step.values is not None for step in waterfall.steps)
    yield table([_row(step, has_values=has_values) for step in waterfall.steps])


def _row(step: Step, *, has_values: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"step": step.name.replace("_", " "), "level": step.label}
    if has_values:
        row |= dict(zip(("first record", "second record"), step.values or ("", ""), strict=True))
    return {**row, "m": step.m, "u": step.u, "bits": f"{step.bits:+.2f}"}


def _chart(waterfall: Waterfall) -> dict[str, Any]:
    from splink.internals.charts import WaterfallChart  # noqa: PLC0415 - half a second

    final = Step("Final score", "", waterfall.weight)
    records = [_record(step, place) for place, step in enumerate((*waterfall.steps, final))]
    chart = WaterfallChart(records).chart_dict
    del chart["params"]  # a slider between pairs: each has a chart of its own here
    chart["transform"] = [item for item in chart["transform"] if "record_number" not in str(item)]
    chart["title"] = None
    found: dict[str, Any] = chart
    return found


def _record(step: Step, place: int) -> dict[str, Any]:
    one, other = step.values or ("", "")
    name = step.name.replace("_", " ")
    return {
        "column_name": "Prior" if step.name == "prior" else name,
        "label_for_charts": step.label,
        "sql_condition": None,
        "log2_bayes_factor": step.bits,
        # Splink leaves out what is exactly 1.
        "bayes_factor": 2.0 ** min(step.bits, 1000.0),
        "comparison_vector_value": None,
        "m_probability": step.m,
        "u_probability": step.u,
        "bayes_factor_description": None,
        "value_l": one,
        "value_r": other,
        "term_frequency_adjustment": False,
        "bar_sort_order": place,
        "record_number": 0,
    }


def _libraries() -> str:
    """Vega as Splink ships it, and what draws the charts."""
    from splink.internals.html_utils import load_chart_libraries  # noqa: PLC0415 - as above

    found = load_chart_libraries()  # type: ignore[no-untyped-call]
    scripts = [found[name] for name in ("vega", "vega-lite", "vega-embed")]
    inlined = "".join(
        "<script>" + text.replace("</script", "<\\/script") + "</script>\n" for text in scripts
    )
    return inlined + _DRAW


_DRAW = """<script>
for (const spec of document.querySelectorAll("script.spec")) {
  vegaEmbed("#" + spec.dataset.for, JSON.parse(spec.textContent), {actions: false});
}
</script>"""
