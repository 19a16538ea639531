"""What the DAG files build their DAGs with: specs, schedules, placement, retries, pages."""
