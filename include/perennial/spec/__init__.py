"""The model spec: pydantic models of the YAML file, its loader and its JSON Schema. Safe to import at parse time.

Each section of the file has a module of its own, named as the section is.
"""

from __future__ import annotations

from perennial.spec.evaluation import EvaluationSection, Gates, Holdout
from perennial.spec.features import Features, Target
from perennial.spec.model import Model
from perennial.spec.model_spec import ModelSpec
from perennial.spec.reading.loader import find_spec, load_folder, load_spec
from perennial.spec.reading.problem import SpecFileError, SpecProblem
from perennial.spec.schedule import Schedule
from perennial.spec.source import SourceSection, Window
from perennial.spec.validation import Expectation

__all__ = [
    "EvaluationSection",
    "Expectation",
    "Features",
    "Gates",
    "Holdout",
    "Model",
    "ModelSpec",
    "Schedule",
    "SourceSection",
    "SpecFileError",
    "SpecProblem",
    "Target",
    "Window",
    "find_spec",
    "load_folder",
    "load_spec",
]
