"""The pages that Airflow shows with a model's DAGs: the spec in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perennial.spec import ModelSpec
    from perennial.spec.evaluation import Gates
    from perennial.spec.monitoring import Monitoring, PageHinkleySection


def spec_page(spec: ModelSpec) -> str:
    """Return the spec as Markdown: target, source, features, and the gates for a candidate."""
    facts = [
        ("Predicts", f"`{spec.target.column}` ({spec.task})"),
        ("Source", f"`{spec.source.uri}` ({spec.source.format})" if spec.source.uri else _query(spec)),
        ("Window", "; ".join(window.in_words for window in spec.source.windows)),
        ("Holdout", _holdout(spec)),
        ("Estimator", _estimator(spec)),
        ("Numeric features", _codes(spec.features.numeric)),
        ("Categorical features", _codes(spec.features.categorical)),
        *((f"{kind.capitalize()} features", _codes(names)) for kind, names in _other_features(spec) if names),
        ("Expectations", str(len(spec.validation))),
        *([("Region", f"`{spec.region}`: rows stay there")] if spec.region else []),
    ]
    parts = [
        spec.description.strip(),
        _table(("", ""), facts),
        "A candidate is promoted when it passes every gate:",
        _table(("metric", "must be"), _gates(spec)),
    ]
    return "\n\n".join(part for part in parts if part)


def _other_features(spec: ModelSpec) -> list[tuple[str, tuple[str, ...]]]:
    return [("text", spec.features.text), ("datetime", spec.features.datetime)]


def _estimator(spec: ModelSpec) -> str:
    if not spec.tunes:
        return f"`{spec.model.estimator}`"
    search = spec.search
    return f"the best of {_codes(one.estimator for one in spec.model.candidates)}, by up to {search.trials} trials ({search.sampler})"


def _gates(spec: ModelSpec) -> list[tuple[str, str]]:
    gates, primary = spec.evaluation.gates, spec.evaluation.primary
    return [
        *((f"`{name}`", f"at least {value:g}") for name, value in gates.minimum.items()),
        *((f"`{name}`", f"at most {value:g}") for name, value in gates.maximum.items()),
        (f"`{primary}`", f"{_allowed(gates)} the champion's on the same holdout"),
        ("labelled holdout rows", f"at least {gates.min_rows}"),
    ]


def _allowed(gates: Gates) -> str:
    proof = f", for certain at {100 * gates.confidence:g}%," if gates.confidence is not None else ""
    if gates.tolerance == "noise":
        return f"better{proof} than" if proof else "no more than one standard error worse than"
    return f"less than {gates.tolerance:g} worse{proof} than" if gates.tolerance else f"better{proof} than"


def _query(spec: ModelSpec) -> str:
    return f"a query over the connection `{spec.source.connection}`"


def _holdout(spec: ModelSpec) -> str:
    holdout = spec.evaluation.holdout
    if holdout.days is not None:
        return f"the last {holdout.days:g} days"
    if holdout.rows is not None:
        return f"the last {holdout.rows} rows"
    return f"the last {holdout.fraction:.0%} of the rows"


def monitoring_page(spec: ModelSpec, monitoring: Monitoring) -> str:
    """Return the spec's monitoring as Markdown: the tests, and the limits of retraining."""
    return "\n\n".join(
        [
            f"Watches the champion of `{spec.name}` and retrains it when the data drift.",
            _table(("", ""), _tests(monitoring)),
            "A retraining is triggered within these limits:",
            _table(("", ""), _limits(spec)),
        ]
    )


def _tests(monitoring: Monitoring) -> list[tuple[str, str]]:
    drift = monitoring.drift
    needed = f"{drift.min_share:.0%} of the columns" if drift.min_share else f"{drift.min_columns or 1} column(s)"
    least = "beyond what is usual" if drift.effect_floor == "auto" else f"effect at least {drift.effect_floor:g}"
    losses, performance, volume = monitoring.page_hinkley, monitoring.performance, monitoring.volume
    floors = {**performance.minimum, **performance.maximum} if performance else {}
    return [
        ("Waits for", f"{monitoring.min_rows} new rows"),
        ("Columns", f"level {drift.level:g}, {least}, in {needed}"),
        ("Left out", _codes(drift.exclude)),
        ("Required", f"in {monitoring.require.checks} of the last {monitoring.require.of} checks"),
        ("Page-Hinkley", _false_alarms(losses) if losses else "off"),
        (
            "Performance",
            ", ".join(f"`{name}` {value:g}" for name, value in floors.items()) or "no floor; the mean loss alone",
        ),
        ("Volume", f"{volume.rows} rows since the last training" if volume else "off"),
    ]


def _false_alarms(losses: PageHinkleySection) -> str:
    budget = losses.one_false_alarm_in
    return (
        f"one false alarm in {budget} rows" if isinstance(budget, int) else f"one false alarm in {budget.days:g} days"
    )


def _limits(spec: ModelSpec) -> list[tuple[str, str]]:
    retraining = spec.retraining
    return [
        ("May trigger", _codes(retraining.triggers)),
        ("Cool-down", f"{retraining.cooldown_days:g} days"),
        ("At most", f"{retraining.at_most.retrainings} in {retraining.at_most.days:g} days"),
        (
            "Breaker",
            f"opens after {retraining.breaker.rejections} rejected, inconclusive or failed retrainings, "
            f"for {retraining.breaker.reset_days:g} days",
        ),
        ("First training", "triggered" if retraining.first else "left to people"),
    ]


def _codes(names: Iterable[str]) -> str:
    """Return the names as code with commas between, or 'none'."""
    return ", ".join(f"`{name}`" for name in names) or "none"


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of two columns."""
    lines = [head, ("---", "---"), *rows]
    return "\n".join(f"| {left} | {right} |" for left, right in lines)
