"""The newest weights of an ensemble in the store, replaced only if they are still the version that was read."""

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
    """Another process changed the weights while a check was closed.

    Closing it again starts from the changed weights.
    """

    retryable = True


@dataclass(frozen=True)
class Found:
    """An ensemble's weights in the store.

    Attributes
    ----------
    kept : KeptWeights or None
        None: no check has changed them, or they are damaged; then the weights of the promotion are used.
    version : str or None
        Version of the object in the store, for `keep_weights`; None: there is none.
    """

    kept: KeptWeights | None
    version: str | None


def find_weights(store: Store, model: str, bundle_digest: str) -> Found:
    """Return the newest weights of the ensemble that has this bundle."""
    advice = "The weights of the promotion are used until a check changes them"
    try:
        return Found(*read_versioned_record(store, WEIGHTS.key(model, bundle_digest), KeptWeights, advice))
    except KeyNotFound:
        return Found(None, None)
    except Damaged as damage:
        log.warning("%s", damage)
        return Found(None, damage.version)


def keep_weights(store: Store, model: str, bundle_digest: str, weights: KeptWeights, over: Found) -> None:
    """Replace the weights that were found with new ones. Does nothing if the same check has stored them before.

    Raises
    ------
    WeightsChanged
        Another process has changed them meanwhile.
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
