"""The card of a version as one HTML page, without scripts or network, and as Markdown with the same content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from perennial.model_card import origin, sections
from perennial.model_card.content import Card
from perennial.model_card.evidence import Evidence
from perennial.model_card.sections import FAILED, NO_PROOF, PASSED
from perennial.printable import printable

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_TEXTS = Environment(  # noqa: S701 - what Markdown would take for markup is escaped by the filter `plain`
    loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
Standing = tuple[str, Literal["good", "bad", "open"]]
_VERDICTS: Mapping[str, Standing] = {
    "promote": ("passed", "good"), "reject": ("not promoted", "bad"), "ask": ("waits for a person", "open"),
}  # fmt: skip
_TONES = {PASSED: "good", FAILED: "bad", NO_PROOF: "open"}
"""Cells that are coloured."""


def make_card(known: Evidence) -> Card:
    """Return what the card says."""
    spec, manifest, verdict = known.spec, known.manifest, known.verdict
    standing, tone = _standing(known)
    return Card(
        title=f"{spec.name}, version {known.version}",
        purpose=spec.description or "The spec does not say what it is for (description).",
        standing=standing,
        tone=tone,
        sentence=verdict.sentence,
        facts=(
            ("Owner", spec.owner),
            ("Predicts", f"{manifest.target} ({manifest.task})"),
            ("Estimator", known.recipe.estimator.rpartition(".")[2]),
            ("Learnt from", f"{manifest.served.rows:,} rows up to {manifest.served.train_end:%Y-%m-%d %H:%M} UTC"),
        ),
        sections=(
            sections.figures(known),
            sections.slices(known),
            sections.fairness(known),
            sections.drivers(known),
            origin.limits(known),
            origin.approval(known),
            origin.packages(known),
            origin.history(known),
            origin.data(known),
            origin.search(known),
            origin.origin(known),
        ),
    )


def _standing(known: Evidence) -> Standing:
    if not known.moves:
        return _VERDICTS[known.verdict.consequence]
    return ("champion", "good") if known.moves[-1].version == known.version else ("was champion", "open")


def render_page(card: Card) -> bytes:
    """Return the card as HTML, UTF-8."""
    return printable(_PAGES.get_template("card.html.j2").render(card=card, tones=_TONES)).encode()


def render_text(card: Card) -> bytes:
    """Return the card as Markdown, UTF-8."""
    return printable(_TEXTS.get_template("card.md.j2").render(card=card)).encode()


def _plain(text: str) -> str:
    """Return a text of data in a form that Markdown shows as it is, on one line."""
    # Within a word an underscore is no markup.
    return re.sub(r"([\\`*\[\]<>|#]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(text.split()))


_TEXTS.filters["plain"] = _plain
