"""MedSigLIP: images and texts in one space, so that classes are named in words (zero-shot)."""
