"""Mechanical Turk: assignments and their answers, and batch results."""
