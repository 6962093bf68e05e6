"""A question about any medical image, answered in words."""
