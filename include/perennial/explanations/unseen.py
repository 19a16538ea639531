"""Values of features in the held-out rows that a model has not learnt from."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from perennial.explanations.records import Unseen

_MOST_NAMED, _LONGEST = 5, 40


def unseen_values(learnt: pd.DataFrame, held_out: pd.DataFrame, kinds: Mapping[str, str]) -> tuple[Unseen, ...]:
    """Return the categories, and the numbers beyond the range, that the training rows lack, those of most rows first.

    Parameters
    ----------
    learnt, held_out : pandas.DataFrame
        The features of the training rows and of the held-out rows.
    kinds : mapping of feature to kind
        Features of other kinds than `numeric` and `categorical` are left out.
    """
    found = []
    for name, kind in kinds.items():
        if kind not in ("numeric", "categorical"):
            continue
        values, known = held_out[name], learnt[name].dropna()
        if kind == "categorical":
            new = values.notna() & ~values.isin(known.unique())
            counts = values[new].value_counts()
            more = f" and {len(counts) - _MOST_NAMED} more" if len(counts) > _MOST_NAMED else ""
            words = ", ".join(_short(str(value)) for value in counts.index[:_MOST_NAMED]) + more
        else:
            low, high = known.astype("float64").min(), known.astype("float64").max()
            new = values.notna() & ~values.between(low, high)
            words = f"outside {low:.6g} to {high:.6g}" if len(known) else "no value was there in training"
        if new.any():
            found.append(Unseen(feature=name, share=float(new.mean()), found=words))
    return tuple(sorted(found, key=lambda one: (-one.share, one.feature)))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
