"""Checks that the transformers of `features.steps` can be imported and built as the spec says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

from perennial.errors import TrainingError
from perennial.linting.importing import CannotImport, import_name
from perennial.linting.parameters import wrong_parameters
from perennial.models.transformer import build_transformer, imports_of
from perennial.spec.reading.finding import Finding
from perennial.spec.steps import Step, taken_steps


def check_steps(steps: Sequence[Step]) -> Iterator[Finding]:
    """Yield what is wrong with the steps: import paths, parameters, and classes that are no transformers."""
    for number, step in enumerate(steps):
        wrong = list(_wrong_imports(step, number))
        yield from wrong or _wrong_build(steps, number)


def _wrong_imports(step: Step, number: int) -> Iterator[Finding]:
    place = ("features", "steps", number)
    for below, path, params in imports_of(step):
        module_name, _, name = path.rpartition(".")
        try:
            named = import_name(module_name, name)
        except (CannotImport, ValueError) as error:
            yield Finding((*place, *below), str(error.args[0]), getattr(error, "hint", ""))
            continue
        if inspect.isclass(named):
            yield from wrong_parameters(named, params, (*place, *below[:-1], "params"))
        elif params:
            message = f"{path} is a function, which is passed on as it is: leave its params out"
            yield Finding((*place, *below[:-1], "params"), message)


def _wrong_build(steps: Sequence[Step], number: int) -> Iterator[Finding]:
    step = steps[number]
    try:
        takes_results = step.takes_all or bool(taken_steps(steps, number))
        transformer = build_transformer(step, number, seed=0, takes_results=takes_results)
        # scikit-learn validates values only in fit, which calls this first. Classes of other libraries may not have it.
        if hasattr(transformer, "_parameter_constraints"):
            transformer._validate_params()
    except TrainingError as error:
        yield Finding(("features", "steps", number), str(error))
    except Exception as error:
        yield Finding(("features", "steps", number, "params"), f"{step.transformer} refuses them: {error}")
