"""Calls MLflow and turns its failures into Perennial's errors. MLflow's process-wide tracking URI is not changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow.artifacts
import sqlalchemy
import tenacity
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING
from mlflow.exceptions import MlflowException
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from perennial.address import Address
from perennial.errors import PerennialError, TrackingError, TrackingUnavailable
from perennial.registry.sqlite_tracking import artifact_root, ensure_schema

__all__ = ["MlflowException", "Tracker", "WriteConflict", "again_on_conflict"]

# A failed call is reported once, by our own error; MLflow would print the driver's traceback before it.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
logging.getLogger("alembic").setLevel(logging.WARNING)

# The names that the databases' drivers give to the error that a row was written between a look and a write.
_LOST_RACES = ("IntegrityError", "UniqueViolation")
# MLflow takes no more.
_MOST_METRICS_A_CALL = 1000
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


class WriteConflict(TrackingUnavailable):
    """Two processes wrote the same row at once.

    MLflow looks whether a row exists and then writes, so one of them fails.
    """


again_on_conflict = tenacity.retry(
    retry=tenacity.retry_if_exception_type(WriteConflict),
    stop=tenacity.stop_after_attempt(10),
    wait=tenacity.wait_random(0, 0.1),
    reraise=True,
)
"""Decorator that repeats a function from its start after a WriteConflict."""


class Tracker:
    """Access to an MLflow server, or to its database.

    Parameters
    ----------
    uri : str
        `http(s)://...`, or `sqlite:///...` (the file is created if it does not exist).

    Raises
    ------
    TrackingError
        The URI has another form.
    TrackingUnavailable
        MLflow does not answer; raised within about 20 seconds.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._address = Address(uri)
        self.shown_uri = self._address.shown
        _check_form(uri, self.shown_uri)
        self._database = _sqlite_path(uri)
        with self.connected():
            if self._database is not None:
                ensure_schema(self._database)
            _knock(uri)
            self.client = MlflowClient(uri)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Turn MLflow's errors inside the block into TrackingUnavailable or TrackingError."""
        try:
            yield
        except PerennialError:
            raise
        except MlflowException as error:
            status = error.get_http_status_code()
            if status >= 500 or status == 429:
                raise self._unavailable(error) from None
            if any(name in str(error) for name in _LOST_RACES):
                raise WriteConflict(
                    f"MLflow at {self.shown_uri}: another process wrote the same at the same time"
                ) from None
            raise TrackingError(f"MLflow at {self.shown_uri} refuses: {self._shown(error)}") from None
        except (OSError, sqlalchemy.exc.SQLAlchemyError) as error:
            raise self._unavailable(error) from None

    def ask(self, path: str) -> Any:
        """Send a GET to the server, with the login, proxy and certificates of every call; return its answer.

        Parameters
        ----------
        path : str
            Such as `/health`. MLflow must be a server, not a database.

        Returns
        -------
        requests.Response
            With any status: only the lack of an answer is an error.

        Raises
        ------
        TrackingUnavailable
            MLflow does not answer.
        """
        try:
            return http_request(
                get_default_host_creds(self.uri),
                path,
                "GET",
                max_retries=1,
                timeout=15,
                retry_codes=(),
                raise_on_status=False,
            )
        except MlflowException as error:
            raise self._unavailable(error) from None

    def experiment_id(self, name: str) -> str:
        """Return the experiment's id; create the experiment if it does not exist."""
        with self.connected():
            found = self.client.get_experiment_by_name(name)
            if found is None:
                root = None if self._database is None else f"{artifact_root(self._database)}/{name}"
                try:
                    return str(self.client.create_experiment(name, artifact_location=root))
                except MlflowException as error:
                    if error.error_code != "RESOURCE_ALREADY_EXISTS":
                        raise
                    found = self.client.get_experiment_by_name(name)
            if found.lifecycle_stage == "deleted":
                raise TrackingError(
                    f"experiment {name!r} is deleted in MLflow at {self.shown_uri}: restore it there "
                    f"(mlflow experiments restore -x {found.experiment_id})"
                )
            return str(found.experiment_id)

    def find_runs(self, experiment_id: str, tag: str, value: str) -> list[Run]:
        """Return the experiment's runs that have a tag with this value, oldest first."""
        quote = '"' if "'" in value else "'"
        condition = f"tags.`{tag}` = {quote}{value}{quote}"
        with self.connected():
            return list(self.client.search_runs([experiment_id], condition, order_by=["attributes.start_time ASC"]))

    def start_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> str:
        """Start a run and return its id; it counts as unfinished until `finish_run`."""
        with self.connected():
            run = self.client.create_run(experiment_id, tags=dict(tags), run_name=name)
            return str(run.info.run_id)

    def finish_run(self, run_id: str, *, failed: bool = False) -> None:
        """Mark a run as finished, or as failed."""
        with self.connected():
            self.client.set_terminated(run_id, "FAILED" if failed else "FINISHED")

    def is_gone(self, run_id: str) -> bool:
        """Tell whether a run was deleted or removed from MLflow's database."""
        with self.connected():
            try:
                return bool(self.client.get_run(run_id).info.lifecycle_stage != "active")
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return True
                raise

    def discard_run(self, experiment_id: str, run_id: str) -> None:
        """Delete a run and the models that it logged."""
        with self.connected():
            self.discard_models(experiment_id, run_id)
            self.client.delete_run(run_id)

    def discard_models(self, experiment_id: str, run_id: str, *, keep: Collection[str] = ()) -> None:
        """Delete the models that a run logged, except those whose `models:/<id>` is in `keep`."""
        with self.connected():
            for model in self.client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'"):
                if f"models:/{model.model_id}" not in keep:
                    self.client.delete_logged_model(model.model_id)

    def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """Log a run's settings. Those that it already has must not change."""
        with self.connected():
            self.client.log_batch(run_id, params=[Param(key, str(value)) for key, value in params.items()])

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Log a run's figures; NaN stays NaN.

        Figures that the run already has with the same value are not logged again.
        """
        now = int(time.time() * 1000)
        with self.connected():
            there = self.client.get_run(run_id).data.metrics
            # Compared as text, since NaN does not equal itself.
            fresh = [key for key, value in metrics.items() if repr(there.get(key)) != repr(float(value))]
            self.client.log_batch(run_id, metrics=[Metric(key, metrics[key], now, 0) for key in fresh])

    def log_series(self, run_id: str, name: str, values: Sequence[float]) -> None:
        """Log a figure of a run that has several values, as steps 1, 2 and so on; NaN stays NaN."""
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, step) for step, value in enumerate(values, start=1)]
        with self.connected():
            for start in range(0, len(metrics), _MOST_METRICS_A_CALL):
                self.client.log_batch(run_id, metrics=metrics[start : start + _MOST_METRICS_A_CALL])

    @contextmanager
    def system_metrics(self, run_id: str) -> Iterator[None]:
        """Log to the run what the block uses of the machine: CPU, memory, disk, network and GPUs.

        Only if MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING asks for it. The first sample is logged after
        MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL seconds (10); a sample that cannot be logged gives a warning only.
        """
        if not MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get():
            yield
            return
        logger = logging.getLogger(SystemMetricsMonitor.__module__)
        logger.addFilter(self._without_secrets)
        monitor = SystemMetricsMonitor(run_id, tracking_uri=self.uri)
        monitor.start()
        try:
            yield
        finally:
            monitor.finish()
            logger.removeFilter(self._without_secrets)

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags on a run; they replace those of the same names."""
        with self.connected():
            self.client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def log_text(self, run_id: str, text: str, path: str) -> None:
        """Store a text as an artifact of the run."""
        with self.transfer(f"artifact {path}"):
            self.client.log_text(run_id, text, path)

    def log_folder(self, run_id: str, folder: Path, path: str) -> None:
        """Store the files of a local folder as artifacts of the run, under `path`."""
        with self.transfer(f"artifacts {path}"):
            self.client.log_artifacts(run_id, str(folder), path)

    def log_model_folder(self, model_id: str, folder: Path) -> None:
        """Upload the files of a logged model."""
        with self.transfer("the model"):
            self.client.log_model_artifacts(model_id, str(folder))

    def download_files(self, model_uri: str, names: Iterable[str], folder: Path) -> None:
        """Fetch files of a model.

        Parameters
        ----------
        model_uri : str
            `models:/<name>/<version>`, or `models:/<id>` of a logged model.
        names : iterable of str
            Paths within the model.
        folder : Path
            The folder to download to; each file goes to its path in there.
        """
        with self.transfer(f"files of {model_uri}"):
            place = self._place(model_uri)
            for name in names:
                target = (folder / name).parent
                target.mkdir(parents=True, exist_ok=True)
                mlflow.artifacts.download_artifacts(
                    artifact_uri=f"{place}/{name}", dst_path=str(target), tracking_uri=self.uri
                )

    def files_of_model(self, model_uri: str, folder: str = "") -> tuple[str, ...]:
        """Return the paths of a model's files; none if the model does not exist.

        Parameters
        ----------
        model_uri : str
            See `download_files`.
        folder : str
            A folder in the model, ending with a slash, to look only there; default: all files that are not in folders.
        """
        with self.transfer(f"the list of files of {model_uri}"):
            return tuple(self._files(self._place(model_uri), folder))

    def _files(self, place: str, folder: str) -> Iterator[str]:
        found = mlflow.artifacts.list_artifacts(artifact_uri=f"{place}/{folder}".rstrip("/"), tracking_uri=self.uri)
        for file in found:
            path = folder + file.path.rpartition("/")[2]
            if not file.is_dir:
                yield path
            elif folder:
                yield from self._files(place, f"{path}/")

    def _place(self, model_uri: str) -> str:
        """Return where MLflow keeps a model's files."""
        model, _, version = model_uri.removeprefix("models:/").partition("/")
        if version:
            source = self.client.get_model_version_download_uri(model, version)
        else:
            source = self.client.get_logged_model(model).artifact_location
        if source.startswith("models:/"):
            source = self.client.get_logged_model(source.removeprefix("models:/")).artifact_location
        return str(source)

    @contextmanager
    def transfer(self, what: str) -> Iterator[None]:
        """`connected` for artifacts: each kind of artifact storage that MLflow may use raises errors of its own."""
        try:
            with self.connected():
                yield
        except PerennialError:
            raise
        except Exception as error:
            raise TrackingUnavailable(
                f"MLflow's artifact storage ({self.shown_uri}) did not store or return {what}: {self._shown(error)}"
            ) from None

    def _unavailable(self, error: Exception) -> TrackingUnavailable:
        return TrackingUnavailable(
            f"MLflow at {self.shown_uri} does not answer: {self._shown(error)}. Is the server up, and "
            f"MLFLOW_TRACKING_URI (or the connection mlflow_default) right?"
        )

    def _without_secrets(self, record: logging.LogRecord) -> bool:
        """Remove the login in the address from MLflow's own log records."""
        record.msg, record.args, record.exc_info = self._address.without_secrets(record.getMessage()), None, None
        return True

    def _shown(self, error: Exception) -> str:
        return self._address.without_secrets(error)


def _check_form(uri: str, shown: str) -> None:
    """Refuse URIs that MLflow would take for a folder, and those with a query, after which MLflow would add paths."""
    scheme = uri.partition("://")[0].lower() if "://" in uri else ""
    if scheme.partition("+")[0] not in ("http", "https", *_DATABASES):
        raise TrackingError(
            f"{shown!r} is not the address of an MLflow server or database: set MLFLOW_TRACKING_URI (or the connection "
            "mlflow_default) to one such as http://mlflow.example:5000, sqlite:///mlflow.db or postgresql://host/mlflow"
        )
    if scheme in ("http", "https") and ("?" in uri or "#" in uri):
        raise TrackingError(
            f"the address of MLflow, {shown}, has a query or a fragment, which the address of a server cannot have: "
            "give a login as MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or as http://user:password@host "
            "with '?' and '#' written as %3F and %23"
        )


def _knock(uri: str) -> None:
    """Fail soon if no server answers: MLflow's own calls would be repeated for many minutes."""
    scheme = urlsplit(uri).scheme
    if scheme in ("http", "https"):
        http_request(
            get_default_host_creds(uri),
            "/health",
            "GET",
            max_retries=2,
            timeout=5,
            retry_codes=(),
            raise_on_status=False,
        )
    elif scheme.partition("+")[0] in _DATABASES:
        engine = sqlalchemy.create_engine(uri)
        try:
            engine.connect().close()
        finally:
            engine.dispose()


def _sqlite_path(uri: str) -> Path | None:
    if not uri.startswith("sqlite:///"):
        return None
    return Path(uri.removeprefix("sqlite:///")).absolute()
