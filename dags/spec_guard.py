"""Make every invalid model spec visible in Airflow as one import error. The good ones have their DAGs."""

from __future__ import annotations

from perennial.spec.reading.loader import load_folder
from perennial.spec.reading.problem import SpecFileError
from perennial_airflow.building.buildable import unbuildable
from perennial_airflow.building.model_specs import models_folder

specs, problems = load_folder(models_folder(__file__))
problems += tuple(unbuildable(specs))
if problems:
    raise SpecFileError(problems)
