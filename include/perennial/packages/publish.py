"""Sends the wheel of a new champion to a package index, by twine."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from perennial.address import HIDDEN, Address
from perennial.errors import IndexRefused, IndexUnavailable
from perennial.packages.kept import fetch_package
from perennial.packages.records import Packages, Publication
from perennial.printable import PrintableLog
from perennial.promotion.records import Promotion

if TYPE_CHECKING:
    from perennial.deployment import PackageIndex
    from perennial.run import RetrainingRun

log = PrintableLog(__name__)

_TIMEOUT_S = 600
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What twine says if the index has the file. Its version is made of what is in it, so it has this one.
_THERE = ("409 Conflict", "already exists")
# What twine says if no index answers, or one that is not well.
_AWAY = ("ConnectionError", "ConnectTimeout", "Max retries", "NewConnectionError", "HTTPError: 5", "Connection refused")


def publish(run: RetrainingRun, packages: Packages | None, promotion: Promotion) -> Publication:
    """Send the wheel that was rehearsed, byte for byte, to the package index; one that it has already is left there.

    Parameters
    ----------
    run : RetrainingRun
    packages : Packages
    promotion : Promotion
        The promotion that was made: whatever the index says, the champion stays.

    Raises
    ------
    IndexRefused
        The index refuses the wheel, none is named, or twine is not installed.
    IndexUnavailable
        The index does not answer.
    Damaged
        The wheel in the store is not the one that was rehearsed.
    """
    wheel = packages.of("wheel") if packages else None
    if wheel is None:
        raise IndexRefused("there is no wheel of this run: clear it from 'package' on")
    index = run.deployment.package_index
    stays = f"version {promotion.version} of {promotion.name} stays champion"
    if index is None:
        raise IndexRefused(
            f"publish: no package index is named, and {stays}: set TWINE_REPOSITORY_URL, or in Airflow the connection "
            f"{run.spec.publish.connection if run.spec.publish else ''!r}, and repeat 'publish'"
        )
    if find_spec("twine") is None:
        raise IndexRefused(f"publish needs twine, and {stays}: pip install 'perennial[publish]', and repeat 'publish'")
    shown = Address(index.url).shown
    with run.store.scratch() as folder:
        said = _sent(fetch_package(run.store, run.spec.name, wheel, folder), index)
    if said:
        kind = IndexUnavailable if any(sign in said for sign in _AWAY) else IndexRefused
        verb = "does not answer" if kind is IndexUnavailable else "refuses"
        raise kind(
            f"the package index {shown} {verb} {wheel.file}, and {stays}: {_without_login(said, index)}. Repeat 'publish' "
            "when that is mended"
        )
    log.info("%s has %s, sha256 %s", shown, wheel.file, wheel.digest)
    return Publication(index=shown, file=wheel.file, digest=wheel.digest)


def _without_login(said: str, index: PackageIndex) -> str:
    login = base64.b64encode(f"{index.username}:{index.password}".encode()).decode()
    for secret in (login, index.password):
        said = said.replace(secret, HIDDEN) if secret else said
    return Address(index.url).without_secrets(said)


def _sent(path: Path, index: PackageIndex) -> str:
    """Upload a wheel; return what is wrong, or ''."""
    command = [
        sys.executable,
        "-m",
        "twine",
        "upload",
        "--non-interactive",
        "--disable-progress-bar",
        # With the index's own reason.
        "--verbose",
    ]
    # The login goes by the environment, since all users of a machine see arguments.
    login = {
        "TWINE_REPOSITORY_URL": index.url,
        "TWINE_USERNAME": index.username,
        "TWINE_PASSWORD": index.password,
    }
    try:
        done = subprocess.run(
            [*command, str(path)],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env={**os.environ, **login, "NO_COLOR": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"ConnectTimeout: no end within {_TIMEOUT_S // 60} minutes"
    if done.returncode == 0:
        return ""
    said = _COLOUR.sub("", done.stdout + done.stderr)
    # twine breaks its lines anywhere.
    if any(sign in " ".join(said.split()) for sign in _THERE):
        log.info("the index has %s already", path.name)
        return ""
    return " ".join(said.rpartition("ERROR")[2].split())
