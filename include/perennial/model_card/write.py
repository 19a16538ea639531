"""Writes the card of a version beside the reports of the run that made it, and to MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.errors import PerennialError
from perennial.layout import MODEL_CARD, MODEL_CARD_TEXT, run_folder
from perennial.model_card.evidence import gather
from perennial.model_card.page import make_card, render_page, render_text
from perennial.printable import PrintableLog
from perennial.registry.tracking import Tracker

if TYPE_CHECKING:
    from perennial.promotion.records import Promotion
    from perennial.run import Run

log = PrintableLog(__name__)

ARTIFACT_FOLDER = "card"
TAG = "perennial.card"


def write_card(run: Run, version: str) -> None:
    """Write the card of a version by all that is known of it now, in place of an earlier one.

    `card.html` and `card.md` lie with the reports of the retraining that made it and in the candidate's MLflow run; the
    version's tag `perennial.card` says where. The same records give the same bytes. A card decides nothing, so its
    failure is only logged.
    """
    try:
        known = gather(run, version)
        card = make_card(known)
        files = {MODEL_CARD.name: render_page(card), MODEL_CARD_TEXT.name: render_text(card)}
        tracker, name = Tracker(run.tracking_uri), run.spec.name
        with run.store.scratch() as folder:
            for file, content in files.items():
                run.store.write(run_folder(name, known.manifest.provenance.run_id) + file, content)
                (folder / file).write_bytes(content)
            tracker.log_folder(known.mlflow_run_id, folder, ARTIFACT_FOLDER)
        place = f"runs:/{known.mlflow_run_id}/{ARTIFACT_FOLDER}/{MODEL_CARD.name}"
        with tracker.connected():
            tracker.client.set_model_version_tag(name, version, TAG, place)
    except PerennialError as error:
        log.warning("the card of version %s was not written: %s", version, error)
    except Exception as error:
        log.warning("the card of version %s was not written: %s", version, error, exc_info=error)


def write_cards_after(run: Run, move: Promotion) -> None:
    """Write the cards of the two versions whose history a move of the champion has changed."""
    for version in (move.previous_version, move.version):
        if version is not None:
            write_card(run, version)
