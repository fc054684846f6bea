"""Write an evaluation as one HTML file that needs nothing else, and no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from identity.evaluate import Accuracy
from identity.evaluation import Evaluation
from identity.picture import as_svg
from identity.pictures import draw_findings

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; margin: .6rem 0; }
th, td { padding: .2rem .9rem .2rem 0; border-bottom: 1px solid #ddd; text-align: left;
  vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } p.note, figcaption { color: #555; font-size: .9rem; }
figure { margin: 1.2rem 0; } details { margin: .4rem 0; }
"""

Rows = Sequence[Mapping[str, Any]]


def evaluation_page(evaluation: Evaluation) -> str:
    """Return the page. It names records of the worst errors by source and id, and no other value."""
    parts = [
        "<h1>Identity: evaluation</h1>",
        *_summary(evaluation),
        *(_truth_parts(evaluation.accuracy) if evaluation.accuracy else ()),
        *_model_parts(evaluation),
        *_person_parts(evaluation),
    ]
    if evaluation.seconds:
        rows = [{"step": step, "seconds": s} for step, s in evaluation.seconds.items()]
        parts += ["<h2>Seconds by step</h2>", table(rows)]
    return page("Identity: evaluation", "\n".join(parts))


def page(title: str, body: str) -> str:
    """A whole HTML document."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def table(rows: Rows | pa.Table) -> str:
    """A table with a header; numbers to the right."""
    records = rows.to_pylist() if isinstance(rows, pa.Table) else list(rows)
    if not records:
        return "<p>none</p>"
    numeric = {
        name: any(isinstance(row[name], int | float) for row in records) for name in records[0]
    }
    head = "".join(_cell("th", name.replace("_", " "), numeric[name]) for name in records[0])
    body = "\n".join(
        "<tr>" + "".join(_cell("td", _text(row[name]), numeric[name]) for name in row) + "</tr>"
        for row in records
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _cell(tag: str, text: str, is_number: bool) -> str:  # noqa: FBT001 - one of a kind
    return f"<{tag}{' class=number' if is_number else ''}>{html.escape(text)}</{tag}>"


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _summary(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.accuracy is None:
        yield "<p>There was no truth to compare with: what follows needs none.</p>"
        return
    quality = evaluation.accuracy.quality
    yield (
        f"<p>{quality.records:,} records of the truth belong to a person here, "
        f"{quality.missing_records:,} do not. {quality.true_pairs:,} pairs are one person in truth, "
        f"{quality.found_pairs:,} were found, {quality.right_pairs:,} of them rightly.</p>"
    )
    yield table(
        [
            {"measure": "pairwise", "precision": quality.precision, "recall": quality.recall,
             "F1": quality.f1},
            {"measure": "B-cubed", "precision": quality.bcubed_precision,
             "recall": quality.bcubed_recall, "F1": quality.bcubed_f1},
        ]
    )  # fmt: skip
    yield (
        '<p class="note">Pairwise: Christen (2012), ch. 7. B-cubed: Bagga &amp; Baldwin (1998). '
        "Records that no person has count as missed in both recalls; records that the truth does "
        "not name are not judged.</p>"
    )
    yield "<h2>True pairs that were missed, by cause</h2>"
    yield table(evaluation.misses if evaluation.misses is not None else [])


def _truth_parts(accuracy: Accuracy) -> Iterator[str]:
    yield "<h2>By sources of the two records</h2>"
    yield table(accuracy.by_source)
    yield "<h2>Persons who hold most wrong pairs</h2>"
    yield from _worst(accuracy.joined, "people in truth")
    yield "<h2>People who are split most</h2>"
    yield from _worst(accuracy.split, "persons here; part 0 is held by none")


def _worst(rows: pa.Table, parts: str) -> Iterator[str]:
    if not len(rows):
        yield "<p>none</p>"
        return
    yield f'<p class="note">Parts are {parts}. Record ids may be personal.</p>'
    for row in rows.to_pylist():
        members = row.pop("members")
        said = ", ".join(f"{_text(value)} {name.replace('_', ' ')}"
                         for name, value in row.items() if name != "sources")  # fmt: skip
        yield (
            f"<details><summary>{html.escape(said)} ({html.escape(row['sources'])})</summary>"
            f"{table(members)}</details>"
        )


def _model_parts(evaluation: Evaluation) -> Iterator[str]:
    findings = evaluation.findings
    yield "<h2>Model</h2>"
    if findings.threshold is None:
        yield "<p>Rules alone decide: there are too few records for a model, or it is off.</p>"
    else:
        yield f"<p>{_threshold_text(evaluation)}</p>"
    for one in draw_findings(findings):
        encoded = base64.b64encode(as_svg(one.figure)).decode("ascii")
        yield (
            f'<figure><img alt="{html.escape(one.caption)}" '
            f'src="data:image/svg+xml;base64,{encoded}"></figure>'
        )


def _threshold_text(evaluation: Evaluation) -> str:
    threshold = evaluation.findings.threshold or 0.0
    if evaluation.expected is None:
        return "No pair of records is one person's, neither by an identifier nor by likeness."
    precision, recall = evaluation.expected
    return (
        f"Likeness links from a probability of {threshold:.3f} on. Of all pairs of records that "
        f"are made one person's, by identifiers too, the model expects {precision:.1%} to be "
        f"right, and to find {recall:.1%} of the right ones among those it compared."
    )


def _person_parts(evaluation: Evaluation) -> Iterator[str]:
    persons = evaluation.persons
    yield "<h2>Persons, without a truth</h2>"
    yield f"<p>{persons.persons:,} persons have source records.</p>"
    shares = [
        {"sign": name.replace("_", " "), "share": f"{share:.2%}"}
        for name, share in persons.shares().items()
    ]
    yield table(shares)
    yield "<h2>Records that are a person by themselves</h2>"
    yield table(persons.singletons)
    yield "<h2>Persons by number of records</h2>"
    yield '<p class="note">0: known by sign-ins, addresses or devices alone.</p>'
    yield table(persons.sizes)
