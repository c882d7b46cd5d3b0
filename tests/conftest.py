"""Settings of all tests."""

import os

import matplotlib as mpl
from hypothesis import settings

mpl.use("Agg")

# Time limits per example fail on a busy machine, and say nothing about what is tested.
settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("patient")
