"""Measurements: one value per row, no limits."""
