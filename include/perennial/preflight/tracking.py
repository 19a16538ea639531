"""Check that MLflow answers, accepts the login and has its artifact storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perennial.errors import TrackingError, TrackingUnavailable
from perennial.preflight.clock import check_date, now
from perennial.preflight.fault import Fault, NotReady

if TYPE_CHECKING:
    from perennial.registry.tracking import Tracker

_SETTING = "MLFLOW_TRACKING_URI (or the connection mlflow_default)"


def check_tracking(uri: str) -> str:
    """Request an experiment and a file from the MLflow server, as tasks do.

    Parameters
    ----------
    uri : str
        Tracking URI. The login is taken from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.

    Returns
    -------
    str
        The finding in words.

    Raises
    ------
    NotReady
        The server does not answer, or its database or storage does not.
    Fault
        What answers is not MLflow, MLflow refuses the request, or the clocks are too far apart.
    """
    from perennial.registry.tracking import Tracker

    try:
        tracker = Tracker(uri)
    except TrackingError as error:
        raise (NotReady if error.retryable else Fault)(str(error)) from error
    shown = tracker.shown_uri
    if urlsplit(uri).scheme not in ("http", "https"):
        return f"{shown} answers"
    before = now()
    answer = _ask(tracker, "/api/2.0/mlflow/experiments/search?max_results=1")
    _check_api(shown, answer)
    clock = check_date(shown, answer.headers.get("Date"), before)
    return f"{shown} answers; {_artifacts(tracker)}; {clock}"


def _check_api(shown: str, answer: Any) -> None:
    text = " ".join(answer.text.split())[:200]
    if answer.status_code == 403 and "Host header" in text:
        raise Fault(
            f"MLflow at {shown} refuses the name by which it is called: start it with --allowed-hosts "
            f"'{urlsplit(shown).netloc}' (MLFLOW_SERVER_ALLOWED_HOSTS), together with the names that it allows now"
        )
    if answer.status_code in (401, 403):
        raise Fault(
            f"MLflow at {shown} refuses us ({answer.status_code} {text}): check MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or the connection's login"
        )
    if answer.status_code >= 500:
        raise NotReady(f"MLflow at {shown} fails ({answer.status_code} {text}): look at its log, and its database")
    if answer.status_code != 200 or not _is_json(answer):
        raise Fault(
            f"{shown} is not MLflow (its API answers {answer.status_code} {text or 'nothing'}): check {_SETTING}, "
            "its port and its path"
        )


def _artifacts(tracker: Tracker) -> str:
    """Have MLflow list its storage. Otherwise a missing bucket would only be noticed when the first training fails."""
    answer = _ask(tracker, "/api/2.0/mlflow-artifacts/artifacts?path=.perennial")
    if answer.status_code == 200:
        return "its artifact storage too"
    if answer.status_code == 503:
        return "it does not serve artifacts itself, so its storage is not checked"
    text = " ".join(answer.text.split())[:200]
    raise NotReady(
        f"MLflow at {tracker.shown_uri} cannot look into its artifact storage ({answer.status_code} {text}): check "
        "the bucket that its --artifacts-destination names, its endpoint and credentials, and MLflow's log"
    )


def _ask(tracker: Tracker, path: str) -> Any:
    try:
        return tracker.ask(path)
    except TrackingUnavailable as error:
        raise NotReady(str(error)) from None


def _is_json(answer: Any) -> bool:
    try:
        return isinstance(answer.json(), dict)
    except ValueError:
        return False
