"""A model as a pure wheel: pip installs `predict`, a command line and a server, which need neither Perennial nor Airflow."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from perennial.errors import PackageError
from perennial.models.bundle import MANIFEST
from perennial.models.formats.formats import format_named
from perennial.models.manifest import Manifest
from perennial.models.transform import load_transform
from perennial.packages.sources import copied_sources

LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
"""What every wheel needs, in the versions that fitted the model."""
_NEVER = ("fairlearn", "mlflow", "pyarrow")
"""Recorded with a model, but not needed to predict."""

_INIT = '''"""The model {name}: {description}

>>> import pandas as pd
>>> import {module}
>>> {module}.predict(pd.read_csv("rows.csv"))
"""

from functools import cache
from pathlib import Path

import pandas as pd

from {module}._perennial.packages.runtime.packaged import Packaged, read_packaged

__all__ = ["model", "predict"]
__version__ = "{version}"


@cache
def model() -> Packaged:
    """Return the model; it is read once."""
    return read_packaged(Path(__file__).parent / "bundle")


def predict(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `prediction`, and a probability or score for each label, for the rows of a data frame."""
    return model().predict(frame)
'''

_MAIN = '''"""The command line: python -m {module} predict rows.csv, or serve."""

import sys

from {module} import model
from {module}._perennial.packages.runtime.command import main as run


def main() -> int:
    """Run the command line."""
    return run(model(), "{module}")


if __name__ == "__main__":
    sys.exit(main())
'''

_PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "{version}"
description = {description}
requires-python = "{python}"
dependencies = [{dependencies}]

[project.optional-dependencies]
parquet = ["pyarrow=={pyarrow}"]

[project.scripts]
{distribution} = "{module}.__main__:main"

[tool.hatch.build]
# The folder is not the user's, whatever a .gitignore above it says.
ignore-vcs = true

[tool.hatch.build.targets.wheel]
only-include = [{included}]
"""


def module_name(model: str) -> str:
    """Return the name of the module that a model's wheel installs.

    Raises
    ------
    PackageError
        It would stand for another module: of Python, of what the wheel needs, or for a word of the language.
    """
    name = re.sub(r"\W", "_", model).lower()
    taken = {*sys.stdlib_module_names, "numpy", "pandas", "scipy", "sklearn", "skops", "perennial", "airflow"}
    if name in taken or keyword.iskeyword(name) or not name.isidentifier():
        raise PackageError(
            f"a wheel of {model!r} would install a module {name!r}, which is not a free name: rename the model"
        )
    return name


def dependencies_of(manifest: Manifest) -> dict[str, str]:
    """Return distribution -> version of what a wheel needs: the libraries that the model was fitted with."""
    return {name: version for name, version in sorted(manifest.provenance.libraries.items()) if name not in _NEVER}


def served_files(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of a bundle's files that serve: its manifest and the model, without the twin that was judged."""
    if manifest.members:
        return (
            MANIFEST,
            *(f"members/{one.mlflow_run_id}/{_kept_file(one.manifest)}" for one in manifest.members),
        )
    return (MANIFEST, _kept_file(manifest))


def build_wheel(bundle: Path, manifest: Manifest, *, name: str, description: str, scratch: Path) -> Path:
    """Build the wheel of a bundle; the same bundle and Perennial give the same bytes.

    Parameters
    ----------
    bundle : Path
        Folder with the bundle's files, verified.
    manifest : Manifest
    name : str
        The model's name; letters other than those of a module's name become `_`.
    description : str
    scratch : Path
        An empty folder to work in.

    Returns
    -------
    Path
        The wheel, in `scratch`.

    Raises
    ------
    PackageError
        The name cannot be a module's, the transform's source cannot be read, or hatchling refuses.
    """
    module = module_name(name)
    root = scratch / "wheel"
    sources = {f"{module}/_perennial/{path}": text for path, text in copied_sources(f"{module}._perennial").items()}
    sources |= _transform_sources(manifest, module)
    version = version_of(bundle, manifest, sources)
    line = " ".join(description.split()).replace("\\", "").replace('"', "'")
    words = {"name": name, "module": module, "version": version, "description": line or name}
    sources[f"{module}/__init__.py"] = _INIT.format(**words)
    sources[f"{module}/__main__.py"] = _MAIN.format(**words)
    sources["pyproject.toml"] = _project(manifest, words, [path for path in sources])
    for path, text in sources.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for file in served_files(manifest):
        target = root / module / "bundle" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((bundle / file).read_bytes())
    return _built(root, scratch)


def version_of(bundle: Path, manifest: Manifest, sources: Mapping[str, str]) -> str:
    """Return the wheel's version: later for newer rows, and another for any other content.

    Such as `20130630.235900.123456`: the newest event time that the model has learnt from, and a number made of what is
    in the wheel. It has no `+`, which package indexes refuse.
    """
    content = hashlib.sha256((bundle / MANIFEST).read_bytes())
    for path, text in sorted(sources.items()):
        content.update(f"{path}\n{text}\n".encode())
    end = manifest.served.train_end
    return f"{end:%Y%m%d}.{int(f'{end:%H%M%S}')}.{int(content.hexdigest()[:8], 16)}"


def _kept_file(manifest: Manifest) -> str:
    return format_named(manifest.format, manifest.format_version, "the model").file


def _transform_sources(manifest: Manifest, module: str) -> dict[str, str]:
    """Return the user's module that makes features, under its own name: a saved model imports it by that."""
    if manifest.transform is None:
        return {}
    path = load_transform(manifest.transform).__module__
    top = path.partition(".")[0]
    if top == module:
        raise PackageError(f"the transform's module {path!r} and the model's own have one name: rename the model")
    try:
        return {f"{path.replace('.', '/')}.py": inspect.getsource(sys.modules[path])}
    except (OSError, TypeError) as error:
        raise PackageError(f"the source of the transform's module {path!r} cannot be read: {error}") from error


def _project(manifest: Manifest, words: Mapping[str, str], paths: list[str]) -> str:
    needed = ", ".join(f'"{name}=={version}"' for name, version in dependencies_of(manifest).items())
    included = sorted({path.partition("/")[0] for path in paths})
    return _PROJECT.format(
        distribution=words["module"].replace("_", "-"),
        module=words["module"],
        version=words["version"],
        description=f'"{words["description"][:200]}"',
        python=f">=3.{sys.version_info.minor}",
        dependencies=needed,
        pyarrow=manifest.provenance.libraries.get("pyarrow") or importlib.metadata.version("pyarrow"),
        included=", ".join(f'"{path}"' for path in included),
    )


def _built(root: Path, scratch: Path) -> Path:
    from hatchling.builders.wheel import WheelBuilder

    try:
        # Times in the archive are fixed, and its entries sorted: the same files give the same bytes.
        (built,) = WheelBuilder(str(root)).build(directory=str(scratch / "dist"), versions=["standard"])
    except Exception as error:
        raise PackageError(f"hatchling cannot build the wheel: {type(error).__name__}: {error}") from error
    return Path(built)
