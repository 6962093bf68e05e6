"""Polygenic scores: a published list of weighted variants, summed over a person's genotypes.

A score is a number for comparing people of one population with one another. It is not a
probability, and it says nothing of variants that it does not list.
"""
