"""Find valid specs from which Airflow cannot make a DAG, without building the DAGs again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perennial.spec import ModelSpec, SpecProblem
from perennial.spec.reading.loader import unforeseen
from perennial_airflow.alerts.callbacks import on_failure
from perennial_airflow.building.dag_pages import monitoring_page, spec_page
from perennial_airflow.building.placement import heavy, light, tags, waiting
from perennial_airflow.building.schedules import timetable


def unbuildable(specs: Mapping[Path, ModelSpec]) -> list[SpecProblem]:
    """Return a problem for each spec from which one of the parts of its DAGs cannot be made."""
    problems = []
    for path, spec in specs.items():
        try:
            _make_parts(spec)
        except Exception as error:
            problems.append(unforeseen(path, error))
    return problems


def _make_parts(spec: ModelSpec) -> None:
    spec_page(spec)
    timetable(spec.schedule)
    tags(spec, "retraining")
    on_failure(spec)
    heavy(spec)
    light(spec)
    if spec.monitoring is not None:
        monitoring_page(spec, spec.monitoring)
        timetable(spec.monitoring.schedule)
        waiting(spec)
