"""Packages in the store: each file under the digest of its content, and last the record that names them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from perennial.layout import PACKAGE, PACKAGES
from perennial.packages.records import Package, Packages
from perennial.spec.packages import PackageKind
from perennial.store.damage import Damaged
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_record, read_versioned_record, seal

_ADVICE = "The champion serves without it. Put it back from a backup (docs/deploy.md), or retrain"


def keep_packages(
    store: Store, model: str, mlflow_run_id: str, bundle_digest: str, files: Mapping[PackageKind, Path]
) -> Packages:
    """Store the packages of a bundle, all or none: without the record, which is written last, there are none.

    Files may be moved.

    Raises
    ------
    Conflict
        Another process recorded other packages of the bundle at the same time.
    """
    made = []
    for kind, path in files.items():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        made.append(Package(kind=kind, file=path.name, digest=digest, size_bytes=path.stat().st_size))
        if not store.exists(PACKAGE.key(model, digest, path.name)):
            store.put_file(PACKAGE.key(model, digest, path.name), path)
    packages = Packages(mlflow_run_id=mlflow_run_id, bundle_digest=bundle_digest, made=tuple(made))
    key = PACKAGES.key(model, bundle_digest)
    try:
        store.create(key, seal(packages))
    except Conflict:
        # Of another process, or of this bundle when the spec asked for other packages.
        there, version = read_versioned_record(store, key, Packages, _ADVICE)
        if there != packages:
            store.replace(key, seal(packages), version)
    return packages


def find_packages(store: Store, model: str, bundle_digest: str) -> Packages | None:
    """Return the packages of a bundle; None: there are none.

    Raises
    ------
    Damaged
        The record was changed after it was written.
    """
    try:
        return read_record(store, PACKAGES.key(model, bundle_digest), Packages, _ADVICE)
    except KeyNotFound:
        return None


def fetch_package(store: Store, model: str, package: Package, folder: Path) -> Path:
    """Copy a package from the store to a folder, and return its path.

    Raises
    ------
    Damaged
        It is gone, or not what was recorded.
    """
    key = PACKAGE.key(model, package.digest, package.file)
    try:
        content = store.read(key)
    except KeyNotFound:
        raise Damaged(f"{store.uri}/{key}", "is gone", _ADVICE) from None
    if hashlib.sha256(content).hexdigest() != package.digest:
        raise Damaged(f"{store.uri}/{key}", "is damaged: its content is not what its name says", _ADVICE)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / package.file).write_bytes(content)
    return folder / package.file
