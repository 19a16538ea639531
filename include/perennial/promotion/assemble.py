"""Puts a promoted candidate and the champion's members together in one bundle, which is registered."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perennial.ensemble.composition import ensemble_manifest, members_of
from perennial.ensemble.files import member_folder, share_out
from perennial.ensemble.names import named
from perennial.ensemble.records import Assembly, JudgedEnsemble
from perennial.ensemble.weights import IDLE_WEIGHT
from perennial.errors import BundleChanged, PromotionError, TrainingError
from perennial.models.bundle import check_digests, write_manifest
from perennial.models.manifest import Member
from perennial.models.recorded import RecordedBundle, find_ensemble, recorded_bundles
from perennial.printable import PrintableLog
from perennial.registry.aliases import refuse_dry_run
from perennial.registry.bundles import fetch, recorded_champion
from perennial.registry.logged_ensemble import log_ensemble
from perennial.registry.logged_model import link_to_run
from perennial.registry.tracking import Tracker
from perennial.run_owner import confirm_owner

if TYPE_CHECKING:
    from perennial.evaluation.records import Evaluation
    from perennial.models.candidate import Candidate
    from perennial.models.refit import Refit
    from perennial.promotion.records import Verdict
    from perennial.registry.records import Champion
    from perennial.run import RetrainingRun

log = PrintableLog(__name__)


def assemble(
    run: RetrainingRun, candidate: Candidate, evaluation: Evaluation, verdict: Verdict, refit: Refit | None = None
) -> Assembly:
    """Log the bundle of the models that serve together after this promotion, or return the one that was logged before.

    The members are those that evaluation judged, with the weights from their twins' losses there: the candidate of each
    window or its refit, and members from the champion's own bundle. Each file is compared with its record in the store.
    The same members and weights make one bundle, however often this is called; what a killed attempt left is deleted.

    Raises
    ------
    BundleChanged
        A candidate's files are not those that were trained. A member of the champion with such a file is left out.
    PromotionError
        The run is a dry run, the verdict does not promote, or the candidate was judged alone.
    TrackingUnavailable
        MLflow does not answer.
    """
    refuse_dry_run(run, "assembles")
    if evaluation.ensemble is None or verdict.consequence == "reject":
        raise PromotionError(f"there is nothing to put together: {verdict.sentence}")
    digests = [one.bundle_digest for one in (refit or candidate).each]
    own = {
        one.mlflow_run_id: _own_bundle(run, one, digest) for one, digest in zip(candidate.each, digests, strict=True)
    }
    attempt = _Attempt(run, Tracker(run.tracking_uri), candidate, own)
    with run.store.scratch() as scratch:
        return attempt.make(evaluation, evaluation.ensemble, evaluation.champion_is, scratch)


@dataclass(frozen=True)
class _Attempt:
    run: RetrainingRun
    tracker: Tracker
    candidate: Candidate
    own: Mapping[str, RecordedBundle]
    """MLflow run of the candidate of each window -> its bundle, or that of its refit."""

    def make(
        self, evaluation: Evaluation, judged: JudgedEnsemble, champion: Champion | None, scratch: Path
    ) -> Assembly:
        run, files = self.run, scratch / "files"
        places = {}
        if champion is not None and any(member.mlflow_run_id not in self.own for member in judged.members):
            places = self._champion_places(champion, scratch)
        places |= {name: self._own_place(name, scratch) for name in self.own}
        kept, left_out = [], []
        for member in judged.members:
            try:
                kept.append(places[member.mlflow_run_id].copied_to(files))
            except BundleChanged as damage:
                if member.mlflow_run_id in self.own:
                    raise
                left_out.append(f"A member of the champion is left out: {damage}.")
        weights = share_out(
            {member.mlflow_run_id: member.weight for member in judged.members},
            tuple(member.mlflow_run_id for member in kept),
        )
        idle = {member.mlflow_run_id: member.idle_since for member in (champion.weights if champion else ())}
        now = self.candidate.provenance.data_end
        members = [
            member.model_copy(
                update={
                    "weight": weights[name],
                    "idle_since": (idle.get(name) or now) if weights[name] < IDLE_WEIGHT else None,
                }
            )
            for member in kept
            for name in (member.mlflow_run_id,)
        ]
        manifest, digest = write_manifest(files, ensemble_manifest(members, evaluation.candidate.metrics, judged.loss))
        recorded = find_ensemble(run.store, run.spec.name, self.candidate.mlflow_run_id, digest)
        confirm_owner(run)
        self._discard_unfinished()
        if recorded is not None:
            link_to_run(self.tracker, recorded)
        else:
            recorded = log_ensemble(
                self.tracker,
                self.candidate.experiment_id,
                self.candidate.mlflow_run_id,
                name=run.spec.name,
                newest_uri=self.own[self.candidate.mlflow_run_id].model_uri,
                manifest=manifest,
                digest=digest,
                files=files,
                scratch=scratch,
                store=run.store,
            )
        return _told(recorded, left_out)

    def _own_place(self, mlflow_run_id: str, scratch: Path) -> _Place:
        """Download the files of one of the run's own models."""
        recorded, folder = self.own[mlflow_run_id], scratch / f"own-{mlflow_run_id}"
        folder.mkdir()
        fetch(self.tracker, recorded.model_uri, recorded, folder)
        member = Member(mlflow_run_id=mlflow_run_id, weight=1.0, manifest=recorded.manifest)
        return _Place(member, folder, "the candidate")

    def _champion_places(self, champion: Champion, scratch: Path) -> dict[str, _Place]:
        """Download the champion's files; return MLflow run of each member -> place of its files."""
        folder = scratch / "champion"
        folder.mkdir()
        before = recorded_champion(self.run, champion)
        fetch(self.tracker, f"models:/{self.run.spec.name}/{champion.version}", before, folder)
        return {
            member.mlflow_run_id: _Place(
                member,
                folder / member_folder(member.mlflow_run_id) if before.manifest.members else folder,
                champion.name,
            )
            for member in members_of(before.manifest, champion.mlflow_run_id)
        }

    def _discard_unfinished(self) -> None:
        name, run_id = self.run.spec.name, self.candidate.mlflow_run_id
        keep = {one.model_uri for one in recorded_bundles(self.run.store, name, run_id)}
        self.tracker.discard_models(self.candidate.experiment_id, run_id, keep=keep)


@dataclass(frozen=True)
class _Place:
    """A member and the folder that its files were downloaded to."""

    member: Member
    folder: Path
    who: str

    def copied_to(self, files: Path) -> Member:
        """Copy the member's files to its folder in an ensemble; raise BundleChanged if one is not what was recorded."""
        manifest = self.member.manifest
        check_digests(self.folder, manifest.files, self.who)
        target = files / member_folder(self.member.mlflow_run_id)
        target.mkdir(parents=True)
        for name in manifest.files:
            shutil.copyfile(self.folder / name, target / name)
        return self.member


def _own_bundle(run: RetrainingRun, candidate: Candidate, digest: str) -> RecordedBundle:
    for recorded in recorded_bundles(run.store, run.spec.name, candidate.mlflow_run_id):
        if recorded.digest == digest:
            return recorded
    raise TrainingError("the store has no record of the candidate: clear the run from 'train' on")


def _told(recorded: RecordedBundle, left_out: list[str]) -> Assembly:
    members = recorded.manifest.members
    rows = [one.manifest.served for one in members]
    shares = ", ".join(f"{named(one.manifest.served, rows)} {one.weight:.0%}" for one in members)
    sentence = " ".join(
        (
            f"{len(members)} models serve together, named by the newest rows that each has learnt from: {shares}.",
            *left_out,
        )
    )
    log.info("%s", sentence)
    return Assembly(
        model_uri=recorded.model_uri,
        bundle_digest=recorded.digest,
        provenance=recorded.manifest.provenance,
        members=len(members),
        sentence=sentence,
    )
