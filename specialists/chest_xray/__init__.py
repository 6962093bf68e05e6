"""Chest radiographs: pneumonia or opacity."""
