"""The errors that Perennial raises on purpose, and whether trying again can help."""

from __future__ import annotations

from perennial.printable import printable


class PerennialError(Exception):
    """Base of all. The message says what is wrong, where, and what to do.

    Attributes
    ----------
    retryable : bool
        True where the same call may succeed later without anyone changing anything (a server that
        was away). Operators end the retries of all other errors at once.
    """

    retryable = False

    def __str__(self) -> str:
        """Return the message, printable whatever it quotes."""
        return printable(super().__str__())


class SpecError(PerennialError):
    """A model spec is wrong, or asks for something that does not exist."""


class DataError(PerennialError):
    """The source or a snapshot cannot be used as the spec says."""


class CursorAhead(PerennialError):
    """The cursor is in the future, so no row would ever be new: someone must set it back."""


class ValidationFailed(PerennialError):
    """The data do not meet the spec's expectations."""


class TrainingError(PerennialError):
    """The estimator could not be built, fitted, saved or loaded."""


class Interrupted(PerennialError):
    """A signal ended a fit, which stored what it had learnt so far: trying again goes on from there."""

    retryable = True


class PackageError(PerennialError):
    """A model cannot be packaged, or its package cannot be run."""


class IndexRefused(PerennialError):
    """A package index refuses a wheel."""


class IndexUnavailable(IndexRefused):
    """A package index does not answer."""

    retryable = True


class PromotionError(PerennialError):
    """A version cannot be registered or promoted, such as when the champion has moved meanwhile."""


class RunTaken(PerennialError):
    """Another process took over the run that this one was working on, or removed what this one had made."""

    retryable = True


class RetrainingFailed(PerennialError):
    """The retraining that a check triggered has failed for good."""


class StoreError(PerennialError):
    """The store refuses: no rights, disk full, a key outside its root."""


class StoreUnavailable(StoreError):
    """The store does not answer."""

    retryable = True


class SourceUnavailable(DataError):
    """The source does not answer, or changed while it was read."""

    retryable = True


class StudyUnavailable(PerennialError):
    """The storage of searches does not answer."""

    retryable = True


class TrackingError(PerennialError):
    """The MLflow server refuses: no rights, a deleted experiment, a run that is gone."""


class TrackingUnavailable(TrackingError):
    """The MLflow server does not answer."""

    retryable = True


class BundleChanged(TrainingError):
    """A model's files are not those that were recorded when it was trained: they are not loaded."""


class ChampionUnusable(TrainingError):
    """The champion cannot predict here: for example its transform is gone, or columns that it needs are missing."""
