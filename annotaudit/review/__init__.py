"""People's verdicts on findings."""
