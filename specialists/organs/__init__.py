"""Organs by name, by TotalSegmentator."""
