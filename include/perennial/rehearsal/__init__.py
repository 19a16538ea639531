"""Packages are run as their users will run them, and compared with the bundle, before a model is promoted."""
