"""The formats in which models are stored."""

from __future__ import annotations

from collections.abc import Mapping

from perennial.errors import TrainingError
from perennial.models.formats.boosted_format import BoostedFormat
from perennial.models.formats.grouped_format import GroupedFormat
from perennial.models.formats.skops_format import SkopsFormat
from perennial.models.model import Model, ModelFormat

FORMATS: Mapping[str, ModelFormat] = {one.name: one for one in (SkopsFormat(), BoostedFormat(), GroupedFormat())}


def format_of(model: Model) -> ModelFormat:
    """Return the format in which a model is stored."""
    grouped, boosted = GroupedFormat(), BoostedFormat()
    if grouped.takes(model):
        return grouped
    return boosted if boosted.takes(model) else SkopsFormat()


def format_named(name: str, version: int, who: str) -> ModelFormat:
    """Return the format of a name and version.

    Raises
    ------
    TrainingError
        The format is not known here, or the files have a version of it that can no longer be read.
    """
    known = FORMATS.get(name)
    if known is None or known.version != version:
        here = ", ".join(f"{one.name} {one.version}" for one in FORMATS.values())
        raise TrainingError(
            f"{who} is stored as {name} {version}, and this Perennial reads {here}: retrain, or use the version that "
            "wrote it"
        )
    return known
