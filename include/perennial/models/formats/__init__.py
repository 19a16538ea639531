"""The formats in which models are written, and which types a file may hold."""
