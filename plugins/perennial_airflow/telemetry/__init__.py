"""Metrics for StatsD and OpenTelemetry."""
