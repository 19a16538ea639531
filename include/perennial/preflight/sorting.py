"""Tests whether numpy sorts as fast as the processor can, since the Kolmogorov-Smirnov tests mostly sort."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

_ROWS, _ROUNDS = 20_000, 5
# A vector sort is normally five to eight times as fast as the plain one. With AVX-512 on AMD's Zen 4, where an
# instruction for writing the sorted values is slow, it is less than twice as fast.
_TIMES_AS_FAST = 2.5
VARIABLE = "NPY_DISABLE_CPU_FEATURES"


def check_sorting() -> str:
    """Return in words how fast numpy sorts, and what to set if it could be faster. A slow sort is not a fault.

    The times of two ways to sort 20,000 numbers are compared, in about 20 milliseconds.
    """
    import numpy as np

    values = np.random.default_rng(0).normal(size=_ROWS)
    vector = _nanoseconds(lambda: np.sort(values))
    plain = _nanoseconds(lambda: np.sort(values, kind="stable"))
    return sorting_advice(vector, plain, avx512_features())


def avx512_features() -> tuple[str, ...]:
    """Return the AVX-512 features that numpy uses here, by their names in NPY_DISABLE_CPU_FEATURES."""
    from numpy._core._multiarray_umath import (  # type: ignore[import-not-found]
        __cpu_dispatch__,
        __cpu_features__,
    )

    dispatched: Sequence[str] = __cpu_dispatch__
    found: Mapping[str, bool] = __cpu_features__
    return tuple(name for name in dispatched if name.startswith(("X86_V4", "AVX512")) and found.get(name))


def sorting_advice(vector_ns: float, plain_ns: float, features: Sequence[str]) -> str:
    """Return what the times of two sorts mean, in words.

    Parameters
    ----------
    vector_ns, plain_ns : float
        Nanoseconds for one value, of numpy's vectorised sort and of its plain one.
    features : sequence of str
        AVX-512 features that the vectorised sort uses.
    """
    found = f"numpy sorts at {vector_ns:.0f} ns a value"
    if not features or plain_ns >= _TIMES_AS_FAST * vector_ns:
        return found
    return (
        f"{found}, which AVX-512 slows down on this processor: drift tests of numbers take a third of the time with "
        f'{VARIABLE}="{" ".join(features)}" in the environment of all processes'
    )


def _nanoseconds(work: Callable[[], object]) -> float:
    """Return the CPU time of work for one value in nanoseconds, the best of several rounds."""
    taken = []
    for _ in range(_ROUNDS):
        began = time.thread_time()
        work()
        taken.append(time.thread_time() - began)
    return min(taken) / _ROWS * 1e9
