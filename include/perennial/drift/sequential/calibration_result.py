"""The result of a calibration of Page-Hinkley."""

from __future__ import annotations

from perennial.record import Record

FEWEST_DAYS = 5
"""With fewer days, a daily cycle and differences between days cannot be distinguished from chance."""


class Calibration(Record):
    """False-alarm rate and delay of a detector, measured on resampled reference losses not used to choose it."""

    one_false_alarm_in: float
    """Requested rows per false alarm."""
    achieved_one_in: float
    """Measured rows per false alarm."""
    achieved_low: float
    achieved_high: float
    """95% interval of `achieved_one_in`; it covers only the noise of the simulation."""
    simulated_rows: int
    """Number of rows on which the rate was measured."""
    reference_rows: int
    """Number of finite losses of the reference."""
    ignored_rows: int
    """Number of losses of the reference that were NaN or infinite."""
    block_rows: int
    """Number of rows that the bootstrap keeps together, by the losses' autocorrelation."""
    days: int | None = None
    """Number of whole days of the reference, whose structure the bootstrap keeps; None if no times were given."""
    shift: float
    """The shift worth finding, in standard deviations of the loss."""
    expected_delay_rows: float | None
    """Mean rows from such a shift to its alarm, over shifts that are found; None if none is found."""
    delay_rows_90: float | None
    """Rows within which 90% of such shifts are found; None if fewer than 90% are found."""
    found_share: float
    """Share of such shifts that are found before the running mean has adapted to them."""

    @property
    def sentence(self) -> str:
        """The calibration in words."""
        rate = (
            f"one false alarm in {self.achieved_one_in:,.0f} rows ({self.achieved_low:,.0f} to "
            f"{self.achieved_high:,.0f}; asked: {self.one_false_alarm_in:,.0f})"
        )
        if self.days is not None and self.days < FEWEST_DAYS:
            rate += f"; {self.days} whole days are too few to allow for a daily cycle and for differences between days"
        if self.expected_delay_rows is None:
            return f"{rate}; a shift of {self.shift:g} standard deviations is not found"
        return (
            f"{rate}; a shift of {self.shift:g} standard deviations is found in {self.found_share:.0%} of cases, "
            f"after {self.expected_delay_rows:,.0f} rows on average"
        )
