"""Import what a spec names; if that fails, say what is wrong with the name."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from perennial.models.boosted import missing_extra
from perennial.spec.reading.problem import did_you_mean


class CannotImport(Exception):
    """`message` says what is missing, `hint` what may have been meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint


def import_name(module_name: str, name: str) -> Any:
    """Return the object of this name in a module.

    Raises
    ------
    CannotImport
        The module does not exist, has no such name, or fails when it is imported.
    """
    module = _import_module(module_name)
    try:
        return getattr(module, name)
    except AttributeError:
        public = [known for known in dir(module) if not known.startswith("_")]
        raise CannotImport(f"module {module_name!r} has no {name!r}", did_you_mean(name, public)) from None


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name != missing and not name.startswith(missing + "."):
            raise CannotImport(f"module {name!r} needs {missing!r}, which is not installed") from None
        hint = missing_extra(missing) or _nearest_module(missing)
        raise CannotImport(f"there is no module {missing!r}", hint) from None
    except Exception as error:
        raise CannotImport(f"module {name!r} fails when it is imported: {type(error).__name__}: {error}") from None


def _nearest_module(missing: str) -> str:
    above, _, _ = missing.rpartition(".")
    path = importlib.import_module(above).__path__ if above else None
    siblings = (info.name for info in pkgutil.iter_modules(path) if not info.name.startswith("_"))
    return did_you_mean(missing, (f"{above}.{sibling}" if above else sibling for sibling in siblings))
