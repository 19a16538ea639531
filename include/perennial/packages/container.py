"""The context of a serving container's image: a Dockerfile, the model's wheel, and pinned requirements with hashes.

The image is not built here: a worker has no Docker. `docker build` of the unpacked context needs nothing else.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import sys
import tarfile
from collections.abc import Iterable
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

from packaging.utils import canonicalize_name

import perennial
from perennial.errors import PackageError
from perennial.packages.required import required
from perennial.packages.wheel import module_name

PINS_VARIABLE = "PERENNIAL_REQUIREMENTS"
"""Names requirements files with hashes, separated by the system's path separator."""
PORT = 8000

_DOCKERFILE = """# Build: docker build -t {name} .    Run: docker run -p {port}:{port} {name}
FROM python:{python}-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv
COPY requirements.txt *.whl ./
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt && rm -- *.whl
USER 65534:65534
EXPOSE {port}
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \\
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/health', timeout=4)"]
CMD ["python", "-m", "{module}", "serve", "--host", "0.0.0.0", "--port", "{port}"]
"""


def build_context(wheel: Path, *, name: str, scratch: Path) -> Path:
    """Write the context of a wheel's image as one archive, the same bytes for the same wheel and pins.

    The requirements are those of the deployment: the wheel's dependencies, all that these need in turn, in the versions
    installed here and with the hashes that the deployment's own requirements files have (see `pins_of_deployment`).

    Parameters
    ----------
    wheel : Path
    name : str
        The model's name.
    scratch : Path
        A folder for the archive.

    Returns
    -------
    Path
        `<name>-<version>-container.tar.gz`.

    Raises
    ------
    PackageError
        There is no hash for a library.
    """
    pins = pins_of_deployment()
    needed = required(_requires(wheel))
    lines = [_pinned(library, one.version, pins) for library, one in needed.items()]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lines.append(f"./{wheel.name} \\\n    --hash=sha256:{digest}")
    module = module_name(name)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    dockerfile = _DOCKERFILE.format(name=module.replace("_", "-"), module=module, python=python, port=PORT)
    target = scratch / f"{'-'.join(wheel.name.split('-')[:2])}-container.tar.gz"
    _write_archive(
        target,
        {
            "Dockerfile": dockerfile.encode(),
            "requirements.txt": ("\n".join(lines) + "\n").encode(),
            wheel.name: wheel.read_bytes(),
        },
    )
    return target


def image_module(dockerfile: Path) -> str:
    """Return the module that an image runs as its server."""
    found = re.search(r'"-m", "(\w+)", "serve"', dockerfile.read_text(encoding="utf-8"))
    if found is None:
        raise PackageError(f"{dockerfile.name} starts no server")
    return found[1]


def pins_of_deployment() -> dict[str, str]:
    """Return name==version -> its lines in the deployment's requirements files, which have hashes.

    They are those that PERENNIAL_REQUIREMENTS names, or else `requirements.txt` and `requirements-dev.txt` of the
    checkout that Perennial runs from.
    """
    named = os.environ.get(PINS_VARIABLE, "")
    checkout = Path(perennial.__file__).parents[2]
    paths = (
        [Path(path) for path in named.split(os.pathsep)]
        if named
        else [checkout / "requirements-dev.txt", checkout / "requirements.txt"]
    )
    found: dict[str, str] = {}
    for path in paths:
        if path.is_file():
            found |= _pins_in(path.read_text(encoding="utf-8"))
    return found


def _pins_in(text: str) -> dict[str, str]:
    """Return name==version -> line with its continuation lines, of requirements with hashes."""
    # A line that ends with a backslash goes on in the next.
    blocks = re.findall(r"^[A-Za-z0-9](?:[^\n\\]|\\\n)*", text, flags=re.MULTILINE)
    found = {}
    for block in blocks:
        pin = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", block)
        if pin and "--hash=" in block:
            found[f"{canonicalize_name(pin[1])}=={pin[2]}"] = block.rstrip()
    return found


def _pinned(library: str, version: str, pins: dict[str, str]) -> str:
    try:
        return pins[f"{library}=={version}"]
    except KeyError:
        raise PackageError(
            f"there are no hashes of {library} {version}, which the image needs: name the requirements files that this "
            f"environment was installed from, with hashes, in {PINS_VARIABLE}"
        ) from None


def _requires(wheel: Path) -> Iterable[str]:
    with ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(metadata)).get_all("Requires-Dist") or ()


def _write_archive(target: Path, files: dict[str, bytes]) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    # Neither name nor time in the header, so that the same files give the same bytes.
    with target.open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped:
        zipped.write(packed.getvalue())
