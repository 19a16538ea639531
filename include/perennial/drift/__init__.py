"""Tests whether data, or a model's errors, have drifted. Takes arrays, returns immutable results. See docs/drift.md."""

from __future__ import annotations

from perennial.drift.columns.categorical import ChiSquare
from perennial.drift.columns.kolmogorov_smirnov import KolmogorovSmirnov
from perennial.drift.columns.report import ColumnDrift, DriftReport, MissingRate
from perennial.drift.sequential.calibration import calibrate
from perennial.drift.sequential.calibration_result import Calibration
from perennial.drift.sequential.page_hinkley import PageHinkley
from perennial.drift.sequential.performance import PerformanceTest, measure_performance
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
    "PerformanceTest",
    "VolumeTest",
    "benjamini_hochberg",
    "calibrate",
    "compare_labels",
    "ks_2samp",
    "measure_performance",
    "measure_volume",
    "proportions_pvalue",
]
