"""The sections of a card on how a version was judged and what it relies on."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from perennial.evaluation.records import GroupsOf, Interval, SliceFigures
from perennial.explanations.records import PREDICTION, Dependence, Explanations
from perennial.model_card.bars import draw_intervals
from perennial.model_card.content import Section, Table, figure, share
from perennial.model_card.curves import draw_dependence
from perennial.model_card.evidence import Evidence
from perennial.promotion.records import GateResult
from perennial.promotion.wording import by_how_much

_MOST_SLICES, _MOST_GROUPS = 15, 8
_MOST_FEATURES = 20
PASSED, FAILED, NO_PROOF = "passed", "failed", "no proof"


def figures(known: Evidence) -> Section:
    """Return the metrics on the holdout beside the champion's, and the gates."""
    evaluation = known.evaluation
    champion, compared = evaluation.champion, evaluation.comparison
    primary = compared.metric if compared is not None else known.spec.evaluation.primary
    metrics = sorted(evaluation.candidate.metrics.items(), key=lambda one: (one[0] != primary, one[0]))
    rows = tuple(
        (
            f"{name} (decides)" if name == primary else name,
            figure(value),
            *((figure(champion.metrics.get(name)),) if champion else ()),
        )
        for name, value in metrics
    )
    beside = (f"champion v{evaluation.champion_is.version}",) if champion and evaluation.champion_is else ()
    said = [f"On {evaluation.rows:,} rows that the model had not learnt from."]
    if compared is not None:
        said.append(
            f"Compared with the champion on {compared.rows:,} rows by {compared.metric}: {by_how_much(compared)}. "
            f"The noise was measured by {compared.blocks} blocks of rows."
        )
    elif evaluation.champion_is is None:
        said.append("There was no champion to compare with.")
    gates = Table(
        ("Blessing", "Gate", "Result", "Found"),
        tuple(
            (blessing.name, gate.name, _result(gate), gate.sentence)
            for blessing in known.verdict.blessings
            for gate in blessing.gates
        ),
    )
    drawing: tuple[Markup, ...] = ()
    if compared is not None:
        interval = Interval(value=compared.difference, low=compared.low, high=compared.high)
        drawing = (draw_intervals([(f"{compared.metric}: better by", interval, None)], from_zero=True),)
    return Section(
        "How it compares",
        (*said, *evaluation.notes),
        (Table(("Metric", "this model", *beside), rows), gates),
        drawing,
    )


def slices(known: Evidence) -> Section:
    """Return where it is worse: the slices that are most surely so, and the groups of people."""
    found = known.evaluation.slices
    if found is None:
        return Section("Where it is worse", ("The spec asked for no slices: only the holdout as a whole was judged.",))
    worst = found.found[:_MOST_SLICES]
    beyond = [one.name for one in found.found if one.is_worse(found.level) or one.misses_floor(found.level)]
    said = f"Of {found.judged:,} slices, beyond chance worse or under the floor: {', '.join(beyond) or 'none'}."
    left_out = [f"{found.too_few_rows:,} slices have too few rows."] if found.too_few_rows else []
    return Section(
        "Where it is worse",
        (said, *left_out, *found.useless, *found.undefined[:5]),
        (_table(worst, found.metric, "Slice"),) if worst else (),
        (draw_intervals([(one.name, one.candidate, one.champion) for one in worst]),) if worst else (),
    )


def _table(rows: Sequence[SliceFigures], metric: str, what: str) -> Table:
    return Table(
        (what, "Rows", f"{metric}, this model", "champion", "better by"),
        tuple(
            (one.name, f"{one.rows:,}", _within(one.candidate), _within(one.champion), _within(one.difference))
            for one in rows
        ),
    )


def fairness(known: Evidence) -> Section:
    """Return how it treats groups of people."""
    found = known.evaluation.fairness
    if not found:
        return Section(
            "Groups of people", ("The spec named no sensitive columns: groups of people were not compared.",)
        )
    said = tuple(
        f"{one.column}: largest differences between groups: "
        + ", ".join(f"{name} {figure(value)}" for name, value in one.candidate.items())
        for one in found
    )
    return Section("Groups of people", said, tuple(map(_groups, found)), tuple(map(_draw_groups, found)))


def _draw_groups(of: GroupsOf) -> Markup:
    """Draw the rates of the groups with the most rows, one rate after the other."""
    largest = sorted(of.groups, key=lambda group: -group.rows)[:_MOST_GROUPS]
    drawn = [group for group in of.groups if group in largest]
    return draw_intervals(
        [
            (f"{_in_words(rate)}, {group.name}", group.candidate[rate], (group.champion or {}).get(rate))
            for rate in _rates(of)
            for group in drawn
            if rate in group.candidate
        ]
    )


def _rates(of: GroupsOf) -> list[str]:
    return list(dict.fromkeys(rate for group in of.groups for rate in group.candidate))


def _in_words(rate: str) -> str:
    return rate.replace("_", " ")


def _groups(of: GroupsOf) -> Table:
    rates = _rates(of)
    head = ("Group", "Rows", *map(_in_words, rates))
    rows = tuple(
        (
            group.name,
            f"{group.rows:,}",
            *(_beside(group.candidate.get(rate), (group.champion or {}).get(rate)) for rate in rates),
        )
        for group in of.groups
    )
    return Table(head, rows)


def drivers(known: Evidence) -> Section:
    """Return what drives its predictions."""
    found = known.explanations
    if found is None:
        return Section("What drives it", ("The spec did not ask for explanations (evaluation.explain).",))
    return Section(
        "What drives it",
        tuple(_said_of(found)),
        (*_importances(found), *map(_dependence, found.dependence)),
        (
            draw_intervals(
                [(one.name, one.candidate, one.champion) for one in found.importances[:_MOST_FEATURES]], from_zero=True
            ),
        )
        if found.importances
        else (),
        tuple(map(draw_dependence, found.dependence)),
    )


def _said_of(found: Explanations) -> list[str]:
    said = []
    if found.importances:
        said.append(
            f"By how much {found.metric} gets worse if a feature's values are dealt anew among {found.rows:,} held-out rows; "
            "features that tell the same are dealt together."
        )
    moved = [one for one in found.importances if one.has_moved and one.moved]
    if found.champion and found.importances:
        names = ", ".join(f"{one.name} ({one.moved.value:+.3g})" for one in moved if one.moved)
        said.append(f"Beyond chance another importance than for champion v{found.champion}: {names or 'none'}.")
    if found.shap:
        said.append(f"SHAP: the share of the sizes of SHAP values, of {found.shap_of}.")
    if found.dependence:
        names = ", ".join(one.feature for one in found.dependence)
        of = (
            "" if PREDICTION in found.dependence[0].curves else ", as the probability of the label named in the drawing"
        )
        said.append(f"Below, the mean prediction if all rows had the same value of {names}{of}.")
    return [*said, *(f"Not measured: {sentence}." for sentence in found.left_out)]


def _importances(found: Explanations) -> tuple[Table, ...]:
    if not found.importances:
        return ()
    shares = {name: one.share for one in found.shap for name in one.features if len(one.features) == 1}
    rows = tuple(
        (
            one.name,
            _within(one.candidate),
            _within(one.champion),
            share(sum(shares[name] for name in one.features)) if set(one.features) <= set(shares) else "–",
        )
        for one in found.importances[:_MOST_FEATURES]
    )
    return (Table(("Feature", "importance, this model", "champion", "SHAP"), rows),)


def _dependence(one: Dependence) -> Table:
    labels = [f"mean probability of {label}" if label != PREDICTION else "mean prediction" for label in one.curves]
    rows = tuple(
        (value, *(figure(curve[place]) for curve in one.curves.values())) for place, value in enumerate(one.values)
    )
    return Table((f"If {one.feature} were", *labels), rows, is_drawn=True)


def _result(gate: GateResult) -> str:
    word = PASSED if gate.passed else NO_PROOF if gate.inconclusive else FAILED
    return f"{word} (dry run)" if gate.dry_run else word


def _beside(candidate: Interval | None, champion: Interval | None) -> str:
    return _within(candidate) + (f"; champion {figure(champion.value)}" if champion else "")


def _within(one: Interval | None) -> str:
    if one is None:
        return "–"
    return figure(one.value) if one.low != one.low else f"{figure(one.value)} ({figure(one.low)} to {figure(one.high)})"
