"""Build DAGs from specs. An error in one spec only affects the DAGs of that spec."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import get_parsing_context

from perennial.spec import ModelSpec
from perennial.spec.reading.loader import find_spec, load_folder

if TYPE_CHECKING:
    from airflow.sdk import DAG

log = logging.getLogger(__name__)


def models_folder(dag_file: str) -> Path:
    """Return the folder of specs: PERENNIAL_MODELS, else `models/` beside the DAG file."""
    return Path(os.environ.get("PERENNIAL_MODELS") or Path(dag_file).parent / "models")


def dags_by_id(folder: Path, suffix: str, build: Callable[[ModelSpec], DAG | None]) -> dict[str, DAG]:
    """Return the DAGs of all valid specs; inside a task, only the DAG of that task.

    Parameters
    ----------
    folder : Path
    suffix : str
        Suffix of the ids of the DAG file's DAGs.
    build : callable
        Returns a spec's DAG, or None if the spec has none. The DAG must not register itself with Airflow, so that an
        incomplete DAG does not stay when building it fails.
    """
    dag_id = get_parsing_context().dag_id
    if dag_id is not None:
        found = build(find_spec(dag_id.removesuffix(suffix), folder)) if dag_id.endswith(suffix) else None
        return {} if found is None else {found.dag_id: found}
    specs, problems = load_folder(folder)
    for problem in problems:  # spec_guard.py shows them in the web interface
        log.warning("Skipped: %s", problem)
    dags = {}
    for path, spec in specs.items():
        try:
            dag = build(spec)
        except Exception:
            log.exception("Skipped, since no DAG can be built from it: %s", path)
        else:
            dags |= {} if dag is None else {dag.dag_id: dag}
    return dags
