"""Where this deployment keeps a model's rows, models and reports: what every run needs besides its own arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.deployment import Deployment
    from perennial.spec import ModelSpec


def deployment(spec: ModelSpec, **source: Any) -> Deployment:
    """Return the places that Airflow's connections and environment name for a model.

    Parameters
    ----------
    spec : ModelSpec
    **source
        `sql_url` or `s3`, which only reading the source needs.

    Raises
    ------
    SpecError
        The spec's region has no store, or no data root where it needs one.
    """
    from perennial.deployment import Deployment
    from perennial.places import data_root
    from perennial_airflow.hooks.store import StoreHook
    from perennial_airflow.hooks.tracking import TrackingHook
    from perennial_airflow.startup.same_version import say_other_version

    store = StoreHook(spec.name, spec.region).open()
    say_other_version(store)
    server = TrackingHook(spec.region).connect()
    return Deployment(
        store=store,
        tracking_uri=server.uri,
        mlflow_takes_rows=server.takes_rows,
        data_root=data_root(spec),
        **source,
    )
