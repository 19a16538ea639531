"""From YAML files to specs, and what is wrong with them."""
