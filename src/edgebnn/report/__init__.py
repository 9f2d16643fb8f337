"""The report: one self-contained page of the study's figures beside the paper's."""

from edgebnn.report.page import write_report

__all__ = ["write_report"]
