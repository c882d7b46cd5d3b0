"""Benchmarks seen from drones, whose lines look like MOTChallenge's: VisDrone, UAVDT."""
