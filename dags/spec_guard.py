"""Report all invalid model specs in Airflow as one import error. Valid specs still get their DAGs."""

from __future__ import annotations

from perennial.spec.reading.loader import load_folder
from perennial.spec.reading.problem import SpecFileError
from perennial_airflow.building.buildable import unbuildable
from perennial_airflow.building.model_specs import models_folder

specs, problems = load_folder(models_folder(__file__))
problems += tuple(unbuildable(specs))
if problems:
    raise SpecFileError(problems)
