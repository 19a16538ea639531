"""Read specs from YAML files, and report what is wrong with them."""
