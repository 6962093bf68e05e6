"""MedGemma 1.5 behind the specialists: one client, one backend a specialist.

The recipes are those of arXiv 2604.05081 (section 2.3, appendix B) and the official notebooks.
"""
