"""The page that Airflow shows beside a model's monitoring DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial_airflow.markdown import codes, table

if TYPE_CHECKING:
    from perennial.spec import ModelSpec
    from perennial.spec.monitoring import Monitoring


def monitoring_page(spec: ModelSpec, monitoring: Monitoring) -> str:
    """Return as Markdown what is tested, and what may retrain the model."""
    return "\n\n".join(
        [
            f"Watches the champion of `{spec.name}` and retrains it when the data drift.",
            table(("", ""), _tests(monitoring)),
            "A retraining is triggered within these limits:",
            table(("", ""), _limits(spec)),
        ]
    )


def _tests(monitoring: Monitoring) -> list[tuple[str, str]]:
    drift = monitoring.drift
    needed = f"{drift.min_share:.0%} of the columns" if drift.min_share else f"{drift.min_columns or 1} column(s)"
    losses, performance, volume = monitoring.page_hinkley, monitoring.performance, monitoring.volume
    floors = {**performance.minimum, **performance.maximum} if performance else {}
    return [
        ("Waits for", f"{monitoring.min_rows} new rows"),
        ("Columns", f"level {drift.level:g}, effect at least {drift.effect_floor:g}, in {needed}"),
        ("Left out", codes(drift.exclude)),
        ("Required", f"in {monitoring.require.checks} of the last {monitoring.require.of} checks"),
        ("Page-Hinkley", f"one false alarm in {losses.one_false_alarm_in} rows" if losses else "off"),
        ("Performance", ", ".join(f"`{name}` {value:g}" for name, value in floors.items()) or "no floor"),
        ("Volume", f"{volume.rows} rows since the last training" if volume else "off"),
    ]


def _limits(spec: ModelSpec) -> list[tuple[str, str]]:
    retraining = spec.retraining
    return [
        ("May trigger", codes(retraining.triggers)),
        ("Cool-down", f"{retraining.cooldown_days:g} days"),
        ("At most", f"{retraining.at_most.retrainings} in {retraining.at_most.days:g} days"),
        (
            "Breaker",
            f"opens after {retraining.breaker.rejections} rejected or failed retrainings, for {retraining.breaker.reset_days:g} days",
        ),
        ("First training", "triggered" if retraining.first else "left to people"),
    ]
