"""File → array with geometry and units.

Every function here runs in a worker process with memory, CPU and wall limits: files are not
trusted.
"""
