"""Backends that score classes: how a file is read for them, and what they say uncalibrated."""
