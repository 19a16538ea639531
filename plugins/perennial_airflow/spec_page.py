"""The page that Airflow shows beside a model's DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial_airflow.markdown import codes, table

if TYPE_CHECKING:
    from perennial.spec import ModelSpec
    from perennial.spec.source import Window


def spec_page(spec: ModelSpec) -> str:
    """Return the spec as Markdown: what is predicted from what, and what a candidate must reach."""
    facts = [
        ("Predicts", f"`{spec.target.column}` ({spec.task})"),
        ("Source", f"`{spec.source.uri}` ({spec.source.format})" if spec.source.uri else _query(spec)),
        ("Window", _window(spec.source.window)),
        ("Holdout", _holdout(spec)),
        ("Estimator", f"`{spec.model.estimator}`"),
        ("Numeric features", codes(spec.features.numeric)),
        ("Categorical features", codes(spec.features.categorical)),
        ("Expectations", str(len(spec.validation))),
        *([("Region", f"`{spec.region}`: rows stay there")] if spec.region else []),
    ]
    parts = [
        spec.description.strip(),
        table(("", ""), facts),
        "A candidate is promoted when it passes every gate:",
        table(("metric", "must be"), _gates(spec)),
    ]
    return "\n\n".join(part for part in parts if part)


def _gates(spec: ModelSpec) -> list[tuple[str, str]]:
    gates, primary = spec.evaluation.gates, spec.evaluation.primary
    allowed = f"less than {gates.tolerance:g} worse than" if gates.tolerance else "better than"
    return [
        *((f"`{name}`", f"at least {value:g}") for name, value in gates.minimum.items()),
        *((f"`{name}`", f"at most {value:g}") for name, value in gates.maximum.items()),
        (f"`{primary}`", f"{allowed} the champion's on the same holdout"),
        ("labelled holdout rows", f"at least {gates.min_rows}"),
    ]


def _query(spec: ModelSpec) -> str:
    return f"a query over the connection `{spec.source.connection}`"


def _window(window: Window) -> str:
    if window.days is not None:
        return f"the last {window.days:g} days"
    if window.rows is not None:
        return f"the last {window.rows} rows"
    return f"since {window.since:%Y-%m-%d %H:%M %Z}"


def _holdout(spec: ModelSpec) -> str:
    holdout = spec.evaluation.holdout
    if holdout.days is not None:
        return f"the last {holdout.days:g} days"
    if holdout.rows is not None:
        return f"the last {holdout.rows} rows"
    return f"the last {holdout.fraction:.0%} of the rows"
