"""Make every invalid model spec visible in Airflow as one import error. The good ones have their DAGs in retraining.py."""

from __future__ import annotations

import os
from pathlib import Path

from perennial.spec.loader import load_folder
from perennial.spec.problem import SpecFileError

MODELS = Path(os.environ.get("PERENNIAL_MODELS") or Path(__file__).parent / "models")

_, problems = load_folder(MODELS)
if problems:
    raise SpecFileError(problems)
