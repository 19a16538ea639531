"""What lies in a store, and under which keys: the one place that names them.

It imports nothing, so that records and DAG files may name keys too.

All code that writes, reads, backs up or verifies an object takes its key from here. A kind of object that is not in
`LAYOUT` is missing from backups and from `verify --deep`; tests compare the layout with what real runs write, and with
`docs/monitoring.md#what-lies-in-the-store`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Literal

Kind = Literal["record", "immutable", "derived", "report", "lease"]
"""How an object relates to the others.

- `record`: says what was decided, how far a model was watched, or what is still to be done; refers to immutable objects
  and to model versions. A backup takes it before what it refers to.
- `immutable`: written once; records and model versions refer to it. A backup takes it last.
- `derived`: made again by the first process that finds it missing, and different in every deployment. Not in backups.
- `report`: a page or figures for people; pages may show those of others, but no decision depends on one.
- `lease`: a running process's claim. Not in backups: its process no longer runs after a restore.
"""

_FIELDS = {"sequence": r"\d{8,}", "move": r"\d{8,}"}


@dataclass(frozen=True)
class Place:
    """The keys of one sort of object.

    Attributes
    ----------
    pattern : str
        A key with names in braces for the parts that differ, such as `{model}/ledger/{sequence:08d}.json`.
    kind : str
    changes : bool
        Objects of this sort are replaced in place, or removed while their model still exists.
    """

    pattern: str
    kind: Kind
    changes: bool = False

    def key(self, *values: object) -> str:
        """Return the key in which these values replace the names, in their order."""
        return _filled(self.pattern, values)

    def folder(self, *values: object) -> str:
        """Return what comes before the key's last part, with a slash at its end."""
        return _filled(self.pattern.rpartition("/")[0] + "/", values)

    @property
    def name(self) -> str:
        """The key's last part, where that is always the same."""
        return self.pattern.rpartition("/")[2]

    def has(self, key: str) -> bool:
        """Tell whether a key is one of these."""
        return self._keys.fullmatch(key) is not None

    @cached_property
    def _keys(self) -> re.Pattern[str]:
        parts = Formatter().parse(self.pattern)
        return re.compile(
            "".join(re.escape(text) + (_FIELDS.get(name, "[^/]+") if name else "") for text, name, *_ in parts)
        )


def _filled(pattern: str, values: tuple[object, ...]) -> str:
    names = [name for _, name, *_ in Formatter().parse(pattern) if name]
    return pattern.format(**dict(zip(names, values, strict=True)))


STATE = Place("{model}/monitor/state.json", "record", changes=True)
BREAKER = Place("{model}/monitor/breaker.json", "record", changes=True)
CHAMPION_MOVE = Place("{model}/promotion.json", "record", changes=True)
WEIGHTS = Place("{model}/monitor/weights/{bundle}.json", "record", changes=True)
LATEST_SNAPSHOT = Place("{model}/latest_snapshot.json", "record", changes=True)
LATEST_SEARCH = Place("{model}/latest_search.json", "record", changes=True)
PACKAGES = Place("{model}/packages/{bundle}.json", "record", changes=True)
PENDING_ALERT = Place("{model}/alerts/pending/{message}", "record", changes=True)
SENT_ALERT = Place("{model}/alerts/sent/{message}", "record")
LEDGER_ENTRY = Place("{model}/ledger/{sequence:08d}.json", "record")
CHAMPION_ENTRY = Place("{model}/champions/{move:08d}.json", "record")
CHECK = Place("{model}/monitor/checks/{sequence:08d}/check.json", "record")

BATCH = Place("{model}/monitor/checks/{sequence:08d}/batch-{digest}.parquet", "immutable")
MATURED = Place("{model}/monitor/checks/{sequence:08d}/matured-{digest}.parquet", "immutable")
IDENTITIES = Place("{model}/monitor/checks/{sequence:08d}/seen-{digest}.u64", "immutable")
REFERENCE = Place("{model}/monitor/references/{reference}/reference.json", "immutable")
REFERENCE_FILE = Place("{model}/monitor/references/{reference}/{name}.npz", "immutable")
BUNDLE = Place("{model}/bundles/{mlflow_run}.json", "immutable")
REFIT_BUNDLE = Place("{model}/bundles/{mlflow_run}/refit.json", "immutable")
ENSEMBLE_BUNDLE = Place("{model}/bundles/{mlflow_run}/ensemble-{digest}.json", "immutable")
PACKAGE = Place("{model}/packages/{digest}/{file}", "immutable")
MANIFEST = Place("{model}/snapshots/{digest}/manifest.json", "immutable")
SNAPSHOT_FILE = Place("{model}/snapshots/{digest}/{name}.parquet", "immutable")
START = Place("{model}/runs/{run}/start.json", "immutable")
EVALUATION = Place("{model}/runs/{run}/evaluation.json", "immutable")
VERDICT = Place("{model}/runs/{run}/verdict.json", "immutable")
APPROVAL = Place("{model}/runs/{run}/approval.json", "record", changes=True)
PROMOTION = Place("{model}/runs/{run}/promotion.json", "immutable")
FAILURE = Place("{model}/runs/{run}/failure.json", "immutable")

DATA_DOCS = Place("{model}/runs/{run}/data_docs.html", "report")
TUNING_PAGE = Place("{model}/runs/{run}/tuning.html", "report")
EXPLANATIONS = Place("{model}/runs/{run}/explanations.json", "report")
MODEL_CARD = Place("{model}/runs/{run}/card.html", "report")
MODEL_CARD_TEXT = Place("{model}/runs/{run}/card.md", "report")
REHEARSAL = Place("{model}/runs/{run}/rehearsal.json", "report")
CHECK_REPORT = Place("{model}/monitor/reports/{sequence:08d}/report.html", "report")

BACKTEST_PAGE = Place("{model}/backtests/{replay}/backtest.html", "report")
BACKTEST = Place("{model}/backtests/{replay}/backtest.json", "report")

RUN_LEASE = Place("{model}/runs/{run}/lease.json", "lease", changes=True)

REPLAY = Place("{model}/backtests/{replay}/replay.json", "derived")
REPLAY_ROWS = Place("{model}/backtests/{replay}/rows-{digest}.parquet", "derived")
REPLAYED_MODEL = Place("{model}/backtests/{replay}/models/{number}.json", "derived")
REPLAYED_ANSWERS = Place("{model}/backtests/{replay}/models/{number}-{digest}.npz", "derived")
CHECKPOINT = Place("{model}/checkpoints/{fit}.json", "derived", changes=True)
SOURCE_FILES = Place("{model}/source_files.json", "derived", changes=True)
# A model's name cannot have a dot, so these keys are not in any model's folder.
VERSION = Place(".perennial/version.json", "derived", changes=True)
PROBE = Place(".perennial/probes/{probe}", "derived", changes=True)

LAYOUT: tuple[Place, ...] = tuple(place for place in list(globals().values()) if isinstance(place, Place))
"""All places. A key that matches two of them belongs to the first."""


def place_of(key: str) -> Place | None:
    """Return the place that a key belongs to; None: it is not Perennial's."""
    return next((place for place in LAYOUT if place.has(key)), None)


def snapshots_folder(model: str) -> str:
    """Return the folder of all snapshots of a model, with a slash at its end."""
    return f"{model}/snapshots/"


def run_folder(model: str, run_id: str) -> str:
    """Return the folder of a run's records and reports, with a slash at its end.

    Parameters
    ----------
    model : str
        The spec's name.
    run_id : str
        As Airflow or the command line named the run; characters that do not belong in file names become underscores.
    """
    safe = "".join(c if c.isalnum() or c in "-_.+" else "_" for c in run_id)
    return VERDICT.folder(model, safe)
