"""Which Perennial this process is, against the one that the deployment has recorded in its store.

The record lists every build in the order in which it was set up. An order of version numbers would not do: two images of
one version number, built from different commits, have none.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from perennial.layout import VERSION
from perennial.preflight.fault import Fault
from perennial.store.damage import Damaged
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_versioned_record, seal

RECORD = "python -m perennial_airflow.startup.preflight record"


class Versions(BaseModel):
    """The builds that this deployment has run, the present one last."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    builds: tuple[str, ...] = ()

    @property
    def current(self) -> str | None:
        """The build that all processes should have; None: nobody has recorded one."""
        return self.builds[-1] if self.builds else None


def read_versions(store: Store) -> tuple[Versions, str | None]:
    """Return the record and its version in the store; an empty one and None where there is none.

    Raises
    ------
    Fault
        What is stored there is not a record.
    """
    try:
        return read_versioned_record(store, VERSION.key(), Versions, f"Delete it and run `{RECORD}`")
    except KeyNotFound:
        return Versions(), None
    except Damaged as damage:
        raise Fault(str(damage)) from None


def record_version(store: Store, build: str) -> str:
    """Make this build the deployment's.

    Whoever sets a deployment up or upgrades it calls this once, after the migrations; also to go back to an older build.

    Returns
    -------
    str
        What was done, in words.
    """
    while True:
        versions, stored_as = read_versions(store)
        if versions.current == build:
            return f"{build} is the recorded version"
        builds = (*(known for known in versions.builds if known != build), build)
        data = seal(Versions(builds=builds))
        try:
            if stored_as is None:
                store.create(VERSION.key(), data)
            else:
                store.replace(VERSION.key(), data, stored_as)
        except Conflict:
            continue
        return f"recorded {build}, after {versions.current or 'none'}"


def check_version(store: Store, build: str) -> str:
    """Compare this process's build with the recorded one.

    Returns
    -------
    str
        The finding in words.

    Raises
    ------
    Fault
        They differ: this image is older, or is not set up yet.
    """
    versions, _ = read_versions(store)
    if versions.current is None:
        return f"{build}; none is recorded in {store.uri} to compare with (`{RECORD}` does)"
    if versions.current == build:
        return f"{build}, as recorded"
    if build in versions.builds:
        raise Fault(
            f"this image has Perennial {build}, and the deployment went on to {versions.current}: it is an older image. "
            "Pull or build the present one and start this process from it; to go back on purpose, run airflow-init "
            f"(`{RECORD}`) from the older image first"
        )
    raise Fault(
        f"this image has Perennial {build}, and the deployment is set up for {versions.current}: run airflow-init "
        f"(`airflow db migrate`, then `{RECORD}`) from this image first, then start the other services from it"
    )


def difference(store: Store, build: str) -> str:
    """Return what a task's log should say where its worker has another build than recorded; '' where it has not."""
    recorded = read_versions(store)[0].current
    if recorded is None or recorded == build:
        return ""
    return (
        f"this worker has Perennial {build}, and the deployment {recorded}: tasks of one run may disagree. Start all "
        "services from one image"
    )
