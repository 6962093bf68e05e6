"""MONAI: volumes in its form, with the geometry of the readers here, and pinned bundles."""
