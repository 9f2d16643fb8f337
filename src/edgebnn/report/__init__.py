"""The report: one self-contained page of the study's figures beside the paper's."""

from edgebnn.report.document import write_tables
from edgebnn.report.page import write_report

__all__ = ["write_report", "write_tables"]
