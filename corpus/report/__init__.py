"""The report: one HTML page that shows a workspace to a person, or two side by side, without a network."""

from corpus.report.page import write_comparison, write_report

__all__ = ["write_comparison", "write_report"]
