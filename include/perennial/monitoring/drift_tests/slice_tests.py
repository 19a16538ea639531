"""How the champion does in the spec's slices of matured rows."""

from __future__ import annotations

from perennial.errors import ChampionUnusable
from perennial.evaluation.slices.records import WatchedSlices
from perennial.evaluation.slices.watched import compare_with_levels
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.slice_levels import judged_slices, slice_columns
from perennial.registry.records import Champion


def measure_matured_slices(reader: CheckReader, champion: Champion, key: str) -> WatchedSlices | None:
    """Compare the champion in slices of matured rows with its holdout and the floor; None: the spec asks for none.

    Raises
    ------
    ChampionUnusable
        See `CheckReader.scored`.
    """
    spec = reader.run.spec
    asked = spec.evaluation.slices
    if asked is None:
        return None
    try:
        before = reader.reference(champion).slices
    except ChampionUnusable:
        before = None
    rows = reader.rows(key, slice_columns(spec))
    judged = judged_slices(spec, rows, reader.truth(champion, key), reader.scored(champion, key).predictions)
    return compare_with_levels(spec, asked, judged, before)
