"""The report: one HTML page that shows a workspace to a person, without a network."""

from corpus.report.page import write_report

__all__ = ["write_report"]
