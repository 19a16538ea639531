"""Compare the version of Perennial in this process with the one that the deployment has recorded in its store.

The record lists every build in the order in which it was set up. Sorting by version number would not work: two images
with the same version number may be built from different commits.
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
    """The builds that this deployment has run, the current one last."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    builds: tuple[str, ...] = ()

    @property
    def current(self) -> str | None:
        """The build that all processes should have; None: none is recorded."""
        return self.builds[-1] if self.builds else None


def read_versions(store: Store) -> tuple[Versions, str | None]:
    """Return the record and its version in the store; without one, an empty record and None.

    Raises
    ------
    Fault
        The stored object is not such a record.
    """
    try:
        return read_versioned_record(store, VERSION.key(), Versions, f"Delete it and run `{RECORD}`")
    except KeyNotFound:
        return Versions(), None
    except Damaged as damage:
        raise Fault(str(damage)) from None


def record_version(store: Store, build: str) -> str:
    """Record this build as the deployment's current one.

    To be called once when a deployment is set up or upgraded, after the migrations; also to go back to an older build.

    Returns
    -------
    str
        What was done, as a sentence.
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
        The builds differ: this image is older, or the deployment was not upgraded to it yet.
    """
    versions, _ = read_versions(store)
    if versions.current is None:
        return f"{build}; none is recorded in {store.uri} to compare with (`{RECORD}` does)"
    if versions.current == build:
        return f"{build}, as recorded"
    if build in versions.builds:
        raise Fault(
            f"this image has Perennial {build}, and the deployment has been upgraded to {versions.current}: this is "
            "an older image. Pull or build the current one and start this process from it; to go back to it on "
            f"purpose, run airflow-init (`{RECORD}`) from the older image first"
        )
    raise Fault(
        f"this image has Perennial {build}, and the deployment is set up for {versions.current}: run airflow-init "
        f"(`airflow db migrate`, then `{RECORD}`) from this image first, then start the other services from it"
    )


def difference(store: Store, build: str) -> str:
    """Return a warning for a task's log if its worker's build differs from the recorded one, else ''."""
    recorded = read_versions(store)[0].current
    if recorded is None or recorded == build:
        return ""
    return (
        f"this worker has Perennial {build}, and the deployment {recorded}: tasks of one run may disagree. Start all "
        "services from one image"
    )
