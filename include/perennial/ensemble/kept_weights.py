"""The newest weights of an ensemble in the store: replaced only over the version that was read."""

from __future__ import annotations

from dataclasses import dataclass

from perennial.ensemble.records import KeptWeights
from perennial.errors import StoreError
from perennial.layout import WEIGHTS
from perennial.printable import PrintableLog
from perennial.store.damage import Damaged
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_versioned_record, seal

log = PrintableLog(__name__)


class WeightsChanged(StoreError):
    """Someone else moved the weights while a check was closed; closing it again begins from theirs."""

    retryable = True


@dataclass(frozen=True)
class Found:
    """What a store has of an ensemble's weights.

    Attributes
    ----------
    kept : KeptWeights or None
        None: no check has moved them, or they are damaged; those of the promotion count.
    version : str or None
        In the store, for `keep_weights`; None: there are none.
    """

    kept: KeptWeights | None
    version: str | None


def find_weights(store: Store, model: str, bundle_digest: str) -> Found:
    """Return the newest weights of the ensemble that has this bundle."""
    advice = "The weights of the promotion serve until a check moves them"
    try:
        return Found(*read_versioned_record(store, WEIGHTS.key(model, bundle_digest), KeptWeights, advice))
    except KeyNotFound:
        return Found(None, None)
    except Damaged as damage:
        log.warning("%s", damage)
        return Found(None, damage.version)


def keep_weights(store: Store, model: str, bundle_digest: str, weights: KeptWeights, over: Found) -> None:
    """Keep new weights in the place of those that were found; nothing happens where the same check has kept them before.

    Raises
    ------
    WeightsChanged
        Others have taken their place meanwhile.
    """
    if _same_check(over.kept, weights):
        return
    key, data = WEIGHTS.key(model, bundle_digest), seal(weights)
    try:
        if over.version is None:
            store.create(key, data)
        else:
            store.replace(key, data, over.version)
    except Conflict:
        if not _same_check(find_weights(store, model, bundle_digest).kept, weights):
            raise WeightsChanged(f"{store.uri}/{key} was changed while check {weights.sequence} was closed") from None


def _same_check(kept: KeptWeights | None, weights: KeptWeights) -> bool:
    return kept is not None and (kept.sequence, kept.as_of) == (weights.sequence, weights.as_of)
