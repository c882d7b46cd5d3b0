"""The command line: one thin command per verb.

``annotaudit --help`` has to answer at once, so the commands import what they need when they run.
"""

from annotaudit.cli.app import app, main

__all__ = ["app", "main"]
