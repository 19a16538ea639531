"""The transformers that `features.steps` names, and what their parameters import: built, and named for trust."""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING, Any

from sklearn.utils import get_tags

from perennial.errors import TrainingError
from perennial.models.transform import source_digest

if TYPE_CHECKING:
    from perennial.spec.features import Features
    from perennial.spec.steps import Step

_IMPORT = "import"


def where(number: int, step: Step) -> str:
    """Return a step's place in the spec, and its transformer, for messages."""
    return f"features.steps[{number}] ({step.transformer})"


def build_transformer(step: Step, number: int, *, seed: int, takes_results: bool) -> Any:
    """Build a step's transformer, unfitted.

    Parameters
    ----------
    step : Step
    number : int
        The step's place in the list, from 0.
    seed : int
        Passed on as `random_state` where the transformer, or an estimator among its parameters, takes one.
    takes_results : bool
        Whether it takes what other steps make.

    Raises
    ------
    TrainingError
        The class, or something that a parameter names, cannot be imported or refuses its parameters; it is not a
        transformer, or not one that can take what other steps make.
    """
    place = where(number, step)
    transformer = _build(step.transformer, step.params, seed, place)
    if not (hasattr(transformer, "fit") and hasattr(transformer, "transform")):
        raise TrainingError(f"{place} is not a transformer: a class with fit and transform is needed")
    if takes_results and takes_one_column(transformer):
        raise TrainingError(
            f"{place} takes one named column at a time, and what other steps make has no names: give it features"
        )
    return transformer


def takes_one_column(transformer: Any) -> bool:
    """Tell whether a transformer takes a single column, as text vectorizers and skrub's encoders do."""
    if getattr(transformer, "__single_column_transformer__", False):  # skrub's mark
        return True
    try:
        tags = get_tags(transformer).input_tags
    except Exception:  # a class without scikit-learn's tags
        return False
    return bool((tags.string or tags.one_d_array) and not tags.two_d_array)


def imports_of(step: Step) -> Iterator[tuple[tuple[str, ...], str, Mapping[str, Any]]]:
    """Yield everything that a step imports, first its transformer: place in the step, import path, parameters."""
    yield ("transformer",), step.transformer, step.params
    yield from _among(step.params, ("params",))


def trusted_names(step: Step) -> Iterator[str]:
    """Yield the names under which skops stores the classes and functions that a step names.

    Raises
    ------
    TrainingError
        One cannot be imported.
    """
    for _, path, _ in imports_of(step):
        named = _load(path, "features.steps")
        yield f"{named.__module__}.{named.__name__}"


def code_digest(features: Features) -> str:
    """Return the digest of the user's code that makes features: of the transform's module, and of those of steps.

    Modules of installed packages are not among them: these have versions.

    Returns
    -------
    str
        Hexadecimal SHA-256; empty: there is no code of the user's.

    Raises
    ------
    TrainingError
        A module cannot be imported, or has no source.
    """
    of_transform = source_digest(features.transform)
    modules = {_load(path, "features.steps").__module__ for step in features.steps for _, path, _ in imports_of(step)}
    own = sorted(name for name in modules if not _is_installed(name.partition(".")[0]))
    if not own:
        return of_transform
    try:
        sources = [inspect.getsource(sys.modules[name]) for name in own]
    except (OSError, TypeError, KeyError) as error:
        raise TrainingError(
            f"features.steps: the source of {', '.join(own)} cannot be read ({error}), and models depend on it: keep it "
            "as .py files"
        ) from error
    return hashlib.sha256("\n".join([of_transform, *own, *sources]).encode()).hexdigest()


@functools.cache
def installed_packages() -> Mapping[str, list[str]]:
    """Return package -> the distributions that it comes from, for all that is installed. It takes a second or so."""
    return packages_distributions()


def _is_installed(package: str) -> bool:
    return package in sys.stdlib_module_names or package in installed_packages()


def _among(
    params: Mapping[str, Any], place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, Mapping[str, Any]]]:
    for name, value in params.items():
        if is_import(value):
            arguments = value.get("params", {})
            yield (*place, name, _IMPORT), value[_IMPORT], arguments
            yield from _among(arguments, (*place, name, "params"))


def is_import(value: object) -> bool:
    """Tell whether a parameter's value names something to import."""
    return isinstance(value, dict) and isinstance(value.get(_IMPORT), str) and set(value) <= {_IMPORT, "params"}


def _build(path: str, params: Mapping[str, Any], seed: int, place: str) -> Any:
    """Import a class and return an instance, or import a function and return it."""
    named = _load(path, place)
    if not inspect.isclass(named):
        return named
    arguments = {
        name: _build(value[_IMPORT], value.get("params", {}), seed, place) if is_import(value) else value
        for name, value in params.items()
    }
    try:
        if "random_state" in inspect.signature(named).parameters:
            arguments["random_state"] = seed
        return named(**arguments)
    except Exception as error:
        raise TrainingError(f"{place}: {path} cannot be built with its parameters: {error}") from error


def _load(path: str, place: str) -> Any:
    module_name, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module_name), name)
    except Exception as error:
        raise TrainingError(f"{place}: {path} cannot be imported: {error}") from error
