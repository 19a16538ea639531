"""What costs most time in tests of other things, done once by each process of tests."""

from __future__ import annotations

import functools
import hashlib
import pickle
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.models.predictions import Predictions
    from perennial.spec import ModelSpec


def keep_costly_results() -> None:
    """Let the modules that are imported by now draw plots, and calibrate Page-Hinkley, once for the same question."""
    # Tests of plots call `draw` itself, which draws anew.
    _replace("perennial.evaluation.evaluate", "draw", _same_plots)
    _replace("perennial.monitoring.drift_tests.reference", "calibrate", _same_arguments)


def _replace(module_name: str, name: str, key_of: Callable[..., object]) -> None:
    module = sys.modules.get(module_name)
    if module is not None and not hasattr(getattr(module, name), "__wrapped__"):
        setattr(module, name, _kept(getattr(module, name), key_of))


def _kept(compute: Callable[..., Any], key_of: Callable[..., object]) -> Callable[..., Any]:
    results: dict[str, bytes] = {}

    @functools.wraps(compute)
    def find(*args: Any, **settings: Any) -> Any:
        key = hashlib.sha256(pickle.dumps(key_of(*args, **settings))).hexdigest()
        if key not in results:
            results[key] = pickle.dumps(compute(*args, **settings))
        return pickle.loads(results[key])

    return find


def _same_plots(spec: ModelSpec, y_true: Any, models: Mapping[str, Predictions], **_: Any) -> object:
    """Return what decides which plots there are; their curves may be those of another model."""
    kinds = [(name, len(found.classes), found.probabilities is None) for name, found in models.items()]
    return spec.task, len(y_true) > 0, kinds


def _same_arguments(*args: Any, **settings: Any) -> object:
    return args, settings
