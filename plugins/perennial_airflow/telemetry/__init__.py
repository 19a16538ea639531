"""Figures for StatsD and OpenTelemetry."""
