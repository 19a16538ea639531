"""The specs that a DAG file turns into DAGs."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from airflow.sdk import get_parsing_context

from perennial.spec import ModelSpec
from perennial.spec.loader import find_spec, load_folder

log = logging.getLogger(__name__)


def models_folder(dag_file: str) -> Path:
    """Return the folder of specs: PERENNIAL_MODELS, else `models/` beside the DAG file."""
    return Path(os.environ.get("PERENNIAL_MODELS") or Path(dag_file).parent / "models")


def specs_to_build(folder: Path, suffix: str) -> list[ModelSpec]:
    """Return all good specs, or in a task only the one whose DAG it belongs to.

    Parameters
    ----------
    folder : Path
    suffix : str
        What the ids of the DAG file's DAGs end in.
    """
    dag_id = get_parsing_context().dag_id
    if dag_id is not None:
        return [find_spec(dag_id.removesuffix(suffix), folder)] if dag_id.endswith(suffix) else []
    specs, problems = load_folder(folder)
    for problem in problems:  # spec_guard.py shows them in the web interface
        log.warning("Skipped: %s", problem)
    return list(specs.values())
