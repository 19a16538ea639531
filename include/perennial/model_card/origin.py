"""The sections of a card on where a version comes from, what it does not know, and what became of it."""

from __future__ import annotations

from perennial.model_card.content import Section, Table, figure, share
from perennial.model_card.evidence import Evidence
from perennial.models.manifest import FittedRows
from perennial.rehearsal.records import Latency

_MOST_LABELS = 20


def data(known: Evidence) -> Section:
    """Return the rows that it was made and judged with."""
    split, manifest = known.manifest.split, known.manifest
    said = [
        f"Judged: {_rows(manifest.twin)}; held out were {split.holdout_rows:,} rows from {split.holdout_start:%Y-%m-%d %H:%M} "
        f"to {split.holdout_end:%Y-%m-%d %H:%M} UTC.",
        f"Serves: {_rows(manifest.refit)}, the same recipe fitted again after the verdict."
        if manifest.refit
        else "The judged model itself serves.",
    ]
    if manifest.members:
        said.append(f"{len(manifest.members)} models serve together; the figures of origin are those of the newest.")
    snapshot = known.snapshot
    if snapshot is not None:
        said.append(
            f"Snapshot {snapshot.digest}: {snapshot.rows:,} rows from {snapshot.start:%Y-%m-%d %H:%M} to "
            f"{snapshot.end:%Y-%m-%d %H:%M} UTC; {snapshot.exact_duplicates + snapshot.key_duplicates:,} duplicates were "
            "dropped."
        )
        said += [snapshot.gone] if snapshot.gone else []
    kinds: dict[str, list[str]] = {}
    for feature in manifest.features:
        kinds.setdefault(feature.kind, []).append(feature.name)
    rows = tuple((kind, ", ".join(names)) for kind, names in kinds.items())
    return Section("The data", tuple(said), (Table(("Kind", "Features"), rows),))


def _rows(fitted: FittedRows | None) -> str:
    if fitted is None:
        return ""
    return f"fitted on {fitted.rows:,} rows from {fitted.train_start:%Y-%m-%d %H:%M} to {fitted.train_end:%Y-%m-%d %H:%M} UTC"


def search(known: Evidence) -> Section:
    """Return how estimator and parameters were found."""
    found = known.tuning
    if found is None:
        said = (
            f"{known.recipe.in_words}. There is no record of a search: the spec named it, or a later search has replaced the "
            "record; the page of a search is linked from the task 'choose'."
        )
    else:
        said = (
            f"{found.sentence} {found.choice.in_words}: {found.metric} {figure(found.score)} over the folds; "
            f"{found.finished} trials gave a score, {found.pruned} were ended early, {found.failed} failed."
        )
    return Section("How it was found", (said,))


def limits(known: Evidence) -> Section:
    """Return what it has not seen."""
    split, manifest = known.manifest.split, known.manifest
    said = [f"It has learnt nothing from after {manifest.served.train_end:%Y-%m-%d %H:%M} UTC."]
    if split.unlabelled_rows or split.gap_rows:
        said.append(
            f"Of the window, {split.unlabelled_rows:,} rows had no label, and the labels of {split.gap_rows:,} were not known "
            "when the holdout began."
        )
    if manifest.labels:
        more = len(manifest.labels) - _MOST_LABELS
        named = ", ".join(map(str, manifest.labels[:_MOST_LABELS])) + (f" and {more} more" if more > 0 else "")
        said.append(f"It knows the labels {named}, and no others.")
    if manifest.threshold is not None:
        said.append(f"It predicts {manifest.positive} from a probability of {figure(manifest.threshold)} on.")
    found = known.explanations
    if found is None:
        said.append("Which values it has not seen was not measured (evaluation.explain).")
        return Section("What it has not seen", tuple(said))
    if not found.unseen:
        return Section("What it has not seen", tuple(said))
    said.append("Held-out rows with values that the rows it was fitted on for the judgement do not have:")
    rows = tuple((one.feature, share(one.share), one.found) for one in found.unseen)
    return Section("What it has not seen", tuple(said), (Table(("Feature", "Rows", "Values"), rows),))


def packages(known: Evidence) -> Section:
    """Return the packages that were rehearsed."""
    if known.rehearsal is None:
        asked = any(one.name == "rehearsal" for one in known.verdict.blessings)
        none = (
            "What their rehearsal measured is no longer in the store." if asked else "The spec asked for no packages."
        )
        return Section("Packages", (none,))
    rows = tuple(
        (
            one.kind,
            one.file or "–",
            one.error or f"largest difference {figure(one.difference)} on {one.rows:,} rows",
            _latency(one.one),
            _latency(one.thousand),
            "–" if one.error else f"{figure(one.memory_mb)} MiB",
        )
        for one in known.rehearsal.packages
    )
    said = "Each was run on the holdout in a clean process before the promotion, and compared with the bundle."
    head = ("Package", "File", "Found", "p50/p95/p99, 1 row", "1,000 rows", "Memory")
    return Section("Packages", (said,), (Table(head, rows),))


def _latency(one: Latency | None) -> str:
    return "–" if one is None else f"{one.p50:.2f}/{one.p95:.2f}/{one.p99:.2f} ms"


def approval(known: Evidence) -> Section:
    """Return who approved it."""
    answer = known.verdict.answer
    if answer is not None:
        return Section("Who approved it", (answer.sentence,))
    if known.verdict.consequence == "ask":
        return Section("Who approved it", ("A person is to decide, and has not answered yet.",))
    return Section("Who approved it", ("Nobody was asked: the gates decided.",))


def history(known: Evidence) -> Section:
    """Return what became of it."""
    if not known.moves:
        return Section("History", ("It has not been champion.",))
    rows = tuple(
        (f"{move.at:%Y-%m-%d %H:%M} UTC", f"version {move.version}" if move.version else "none", move.how)
        for move in known.moves
    )
    said = (
        "As known when this card was written: at a promotion or a rollback. An alias that was set by hand is in the ledger: "
        f"perennial champions {known.spec.name}."
    )
    return Section("History", (said,), (Table(("At", "Champion", "How"), rows),))


def origin(known: Evidence) -> Section:
    """Return what is needed to make it again."""
    of = known.manifest.provenance
    rows = (
        ("Retraining", of.run_id),
        ("Started by", of.triggered_by or "–"),
        ("Reason", of.reason or "–"),
        ("MLflow run", known.mlflow_run_id),
        ("Digest of the bundle", known.digest),
        ("Digest of the recipe", of.recipe_digest),
        ("Perennial", of.code_version),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in sorted(of.libraries.items()))),
        ("Machine", of.system),
    )
    return Section("Where it comes from", (), (Table(("What", "Which"), rows),))
