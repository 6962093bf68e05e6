"""Tissue and tumour classes of histology."""
