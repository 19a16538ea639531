"""What a calibration of Page-Hinkley found."""

from __future__ import annotations

from perennial.record import Record

FEWEST_DAYS = 5
"""With fewer, what the days have in common and how they differ cannot be told from chance."""


class Calibration(Record):
    """False-alarm rate and delay of a detector on resampled reference losses, measured on rows not used to choose it."""

    one_false_alarm_in: float
    """What was asked: rows per false alarm."""
    achieved_one_in: float
    """Rows per false alarm that the detector makes."""
    achieved_low: float
    achieved_high: float
    """95% interval of `achieved_one_in`, for the simulation's own noise."""
    simulated_rows: int
    """Rows on which the rate was measured."""
    reference_rows: int
    """Finite losses of the reference."""
    ignored_rows: int
    """Losses of the reference that were NaN or infinite."""
    block_rows: int
    """Rows that the bootstrap keeps together, from the losses' autocorrelation."""
    days: int | None = None
    """Whole days of the reference, whose cycle and differences the bootstrap keeps; None if their times were not given."""
    shift: float
    """The shift worth finding, in standard deviations of the loss."""
    expected_delay_rows: float | None
    """Mean rows from such a shift to its alarm, of those that are found; None if none is."""
    delay_rows_90: float | None
    """Rows within which 90% of such shifts are found; None if fewer are found at all."""
    found_share: float
    """Share of such shifts that are found before the running mean has followed them."""

    @property
    def sentence(self) -> str:
        """The calibration in words."""
        rate = (
            f"one false alarm in {self.achieved_one_in:,.0f} rows ({self.achieved_low:,.0f} to {self.achieved_high:,.0f}; "
            f"asked: {self.one_false_alarm_in:,.0f})"
        )
        if self.days is not None and self.days < FEWEST_DAYS:
            rate += f"; {self.days} whole days are too few to allow for a day's cycle and for days that differ"
        if self.expected_delay_rows is None:
            return f"{rate}; a shift of {self.shift:g} standard deviations is not found"
        return (
            f"{rate}; a shift of {self.shift:g} standard deviations is found in {self.found_share:.0%} of cases, "
            f"after {self.expected_delay_rows:,.0f} rows on average"
        )
