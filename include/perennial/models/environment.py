"""What a model depends on besides its data and its spec: the code, the libraries, the machine."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import perennial

LIBRARIES = ("mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")

OPTIONAL = {
    "catboost": ("catboost",),
    "fairlearn": ("fairlearn",),
    "imblearn": ("imbalanced-learn",),
    "lightgbm": ("lightgbm",),
    "skrub": ("skrub",),
    "xgboost": ("xgboost", "xgboost-cpu"),
}
"""Package that a spec may name -> the distributions that it may come from."""


@functools.cache
def code_version() -> str:
    """Return the version of Perennial that runs.

    Returns
    -------
    str
        `PERENNIAL_CODE_VERSION` from the environment if set (an image has no checkout); else the package's
        version, in a git checkout with the commit: `0.1.0+g1a2b3c4d5e6f`, and `-dirty` if files were changed.
    """
    stated = os.environ.get("PERENNIAL_CODE_VERSION", "").strip()
    if stated:
        return stated
    commit = _commit(Path(perennial.__file__).parent)
    return f"{perennial.__version__}+g{commit}" if commit else perennial.__version__


def library_versions(*code: str) -> dict[str, str]:
    """Return distribution -> version, for the libraries that compute and store a model.

    Parameters
    ----------
    *code : str
        Import paths that the spec names. Of those in packages of `OPTIONAL`, the distribution is among the libraries.
    """
    wanted = (name for path in code for name in OPTIONAL.get(path.partition(".")[0], ()))
    return {name: metadata.version(name) for name in dict.fromkeys((*LIBRARIES, *filter(_is_installed, wanted)))}


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def system_description() -> str:
    """Describe the machine in one line: operating system, processor, cores, Python."""
    return f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _commit(folder: Path) -> str | None:
    try:
        # The checkout may be another project's, with this package installed in its environment but not among its files.
        _git(folder, "ls-files", "--error-unmatch", "__init__.py")
        return _git(folder, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    )
    return done.stdout.strip()
