"""The parts from which DAG files build their DAGs: specs, schedules, placement, retries, pages."""
