"""Blocks of dependent rows, which are drawn or left out together when the noise of a figure is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perennial.drift.statistics.design_effect import entity_codes

Ints = npt.NDArray[np.intp]

BLOCKS = 10
"""Number of blocks. Rows that are close in time vary together, through weather, weekends and other lasting effects."""


def blocks_of_time(times: npt.ArrayLike) -> Ints:
    """Cut rows into at most ten consecutive blocks of time with about as many rows each.

    Parameters
    ----------
    times : array_like of shape (n,)
        Event times, in any order. Rows with the same time stay together, so there are never more blocks than times.

    Returns
    -------
    numpy.ndarray of intp, shape (n,)
        Each row's block, numbered from 0 in the order of time.
    """
    _, moment = np.unique(np.asarray(times), return_inverse=True)
    return _cut(moment)


def blocks_of_entities(entities: Any, times: npt.ArrayLike) -> Ints:
    """Cut rows into at most ten blocks of whole entities with about as many rows each.

    Entities of the same time share a block: they are ordered by the mean of their rows' ranks in time.

    Parameters
    ----------
    entities : array_like of shape (n,)
        The entity that each row belongs to; each row without one is an entity of its own.
    times : array_like of shape (n,)
        Event times.

    Returns
    -------
    numpy.ndarray of intp, shape (n,)
        Each row's block, numbered from 0.
    """
    codes = entity_codes(entities)
    _, moment = np.unique(np.asarray(times), return_inverse=True)
    mean_moment = np.bincount(codes, weights=moment) / np.bincount(codes)
    place = np.empty(len(mean_moment), dtype=np.intp)
    place[np.argsort(mean_moment, kind="stable")] = np.arange(len(place))
    return _cut(place[codes])


def _cut(group: Ints) -> Ints:
    """Put each group, numbered in order, into the block that its middle row would be in if groups could be cut."""
    rows = np.bincount(group)
    middle = np.cumsum(rows) - rows / 2
    block = np.floor(BLOCKS * middle / max(len(group), 1)).astype(np.intp)
    _, without_gaps = np.unique(block, return_inverse=True)
    return np.asarray(without_gaps[group], dtype=np.intp)
