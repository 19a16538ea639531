"""Where this deployment keeps rows, models and reports: what every run needs besides its own arguments."""

from __future__ import annotations

from typing import Any

from perennial_airflow import run_arguments


def deployment() -> dict[str, Any]:
    """Return the arguments `store`, `tracking_uri` and `data_root` of `perennial.run.Run`."""
    from perennial_airflow.hooks.store import StoreHook
    from perennial_airflow.hooks.tracking import TrackingHook

    return {
        "store": StoreHook().open(),
        "tracking_uri": TrackingHook().connect(),
        "data_root": run_arguments.data_root(),
    }
