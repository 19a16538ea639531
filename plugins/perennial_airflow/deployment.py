"""Where this deployment keeps a model's rows, models and reports: what every run needs besides its own arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


def deployment(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments `store`, `tracking_uri`, `mlflow_takes_rows` and `data_root` of `perennial.run.Run`.

    Raises
    ------
    SpecError
        The spec's region has no store, or no data root where it needs one.
    """
    from perennial.places import data_root
    from perennial_airflow.hooks.store import StoreHook
    from perennial_airflow.hooks.tracking import TrackingHook
    from perennial_airflow.startup.same_version import say_other_version

    store = StoreHook(spec.name, spec.region).open()
    say_other_version(store)
    server = TrackingHook(spec.region).connect()
    return {
        "store": store,
        "tracking_uri": server.uri,
        "mlflow_takes_rows": server.takes_rows,
        "data_root": data_root(spec),
    }
