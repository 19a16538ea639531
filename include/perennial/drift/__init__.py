"""Tests whether data, or a model's errors, have drifted. Takes arrays, returns immutable results. See docs/drift.md.

Names are imported when first asked for: records name what is found, and importing them must not import scipy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.drift.columns.categorical import ChiSquare
    from perennial.drift.columns.kolmogorov_smirnov import KolmogorovSmirnov
    from perennial.drift.columns.report import ColumnDrift, DriftReport, MissingRate
    from perennial.drift.sequential.calibration import calibrate
    from perennial.drift.sequential.calibration_result import Calibration
    from perennial.drift.sequential.page_hinkley import PageHinkley
    from perennial.drift.statistics.chi_square import Comparison, compare_labels
    from perennial.drift.statistics.ks import KSResult, ks_2samp
    from perennial.drift.statistics.multiple_testing import benjamini_hochberg
    from perennial.drift.statistics.proportions import proportions_pvalue
    from perennial.drift.volume import VolumeTest, measure_volume

__all__ = [
    "Calibration",
    "ChiSquare",
    "ColumnDrift",
    "Comparison",
    "DriftReport",
    "KSResult",
    "KolmogorovSmirnov",
    "MissingRate",
    "PageHinkley",
    "VolumeTest",
    "benjamini_hochberg",
    "calibrate",
    "compare_labels",
    "ks_2samp",
    "measure_volume",
    "proportions_pvalue",
]

_HOMES = {
    "Calibration": "sequential.calibration_result",
    "ChiSquare": "columns.categorical",
    "ColumnDrift": "columns.report",
    "Comparison": "statistics.chi_square",
    "DriftReport": "columns.report",
    "KSResult": "statistics.ks",
    "KolmogorovSmirnov": "columns.kolmogorov_smirnov",
    "MissingRate": "columns.report",
    "PageHinkley": "sequential.page_hinkley",
    "VolumeTest": "volume",
    "benjamini_hochberg": "statistics.multiple_testing",
    "calibrate": "sequential.calibration",
    "compare_labels": "statistics.chi_square",
    "ks_2samp": "statistics.ks",
    "measure_volume": "volume",
    "proportions_pvalue": "statistics.proportions",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
