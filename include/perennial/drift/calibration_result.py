"""What a calibration of Page-Hinkley found."""

from __future__ import annotations

from perennial.outcomes import Outcome


class Calibration(Outcome):
    """False-alarm rate and delay of a detector on resampled reference losses, measured on rows not used to choose it."""

    one_false_alarm_in: float
    """What was asked: rows per false alarm."""
    achieved_one_in: float
    """Rows per false alarm that the detector makes; infinite if it made none."""
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
    shift: float
    """The shift worth finding, in standard deviations of the loss."""
    expected_delay_rows: float
    """Mean rows from such a shift to its alarm."""
    delay_rows_90: float
    """Rows within which 90% of such shifts are found; infinite if fewer are found at all."""
    found_share: float
    """Share of such shifts that are found before the running mean has followed them."""

    @property
    def sentence(self) -> str:
        """The calibration in words."""
        return (
            f"one false alarm in {self.achieved_one_in:,.0f} rows ({self.achieved_low:,.0f} to {self.achieved_high:,.0f}; "
            f"asked: {self.one_false_alarm_in:,.0f}); a shift of {self.shift:g} standard deviations is found after "
            f"{self.expected_delay_rows:,.0f} rows on average"
        )
