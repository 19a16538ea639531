"""How many consecutive rows a bootstrap must keep together to preserve autocorrelation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Blocks:
    """How to resample a series in blocks."""

    length: int
    """Number of rows to keep together: 1 without autocorrelation, at most `3 sqrt(n)` and `n / 3`."""
    stretch: float
    """Factor for deviations from the mean, at least 1. Blocks cut the correlation at their borders, so sums of
    resampled rows vary too little; multiplied by this factor they vary as much as those of the series."""


def blocks_for(values: npt.NDArray[np.float64]) -> Blocks:
    """Return the blocks for a circular bootstrap of a mean: Politis and White (2004), corrected 2009.

    Parameters
    ----------
    values : numpy.ndarray of float64, shape (n,)
        A stationary series in time order, finite.
    """
    n = values.size
    if n < 8 or np.ptp(values) == 0:
        return Blocks(1, 1.0)
    patience = max(5, math.ceil(math.sqrt(math.log10(n))))
    longest = math.ceil(math.sqrt(n)) + patience
    covariance = _autocovariance(values, min(max(2 * longest, math.ceil(3 * math.sqrt(n))), n - 1))
    bandwidth = _bandwidth(covariance / covariance[0], n, patience, longest)
    lags = np.arange(1, min(bandwidth, covariance.size - 1) + 1)
    # Flat-top weights: 1 up to half the bandwidth, then falling to 0 at its end.
    weighted = np.clip(2 * (1 - lags / bandwidth), 0, 1) * covariance[lags]
    slope = 2 * float((lags * weighted).sum())
    long_run = float(covariance[0] + 2 * weighted.sum())
    optimum = abs(slope / long_run) ** (2 / 3) * (1.5 * n) ** (1 / 3) if long_run > 0 else math.inf
    length = max(1, round(min(optimum, 3 * math.sqrt(n), n / 3)))
    inside = covariance[0] + 2 * float((np.clip(1 - lags / length, 0, 1) * weighted).sum())
    return Blocks(length, math.sqrt(max(1.0, long_run / inside)) if inside > 0 else 1.0)


def cautious_blocks_for(values: npt.NDArray[np.float64]) -> Blocks:
    """Return `blocks_for` a short series: single values, unless neighbours are more similar than by chance.

    A dozen independent values often look negatively correlated by chance, and blocks of them would vary too little.

    Parameters
    ----------
    values : numpy.ndarray of float64, shape (n,)
        A stationary series in time order, finite.
    """
    centred = values - values.mean()
    alike = float(centred[1:] @ centred[:-1]) * math.sqrt(values.size) > 2 * float(centred @ centred)
    return blocks_for(values) if alike else Blocks(1, 1.0)


def _autocovariance(values: npt.NDArray[np.float64], lags: int) -> npt.NDArray[np.float64]:
    centred = values - values.mean()
    size = 1 << (2 * centred.size - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    covariance: npt.NDArray[np.float64] = np.fft.irfft(spectrum * spectrum.conj(), size)[: lags + 1] / centred.size
    return covariance


def _bandwidth(correlation: npt.NDArray[np.float64], n: int, patience: int, longest: int) -> int:
    """Return twice the lag after which `patience` consecutive correlations are not larger than noise."""
    noise = 2 * math.sqrt(math.log10(n) / n)
    quiet = np.abs(correlation[1:]) < noise
    runs = np.convolve(quiet, np.ones(patience), mode="valid") == patience
    if runs.any():
        last = int(runs.argmax())
    else:
        loud = np.flatnonzero(~quiet)
        last = int(loud[-1]) + 1 if loud.size else 0
    return max(2, 2 * max(1, min(last, longest)))
