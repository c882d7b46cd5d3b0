"""One page that shows an audit: to read, to print, to send to a colleague."""

from annotaudit.report.page import write_report

__all__ = ["write_report"]
