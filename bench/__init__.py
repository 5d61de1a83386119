"""Measurements: each module prints a table for people and one JSON line for each figure."""
