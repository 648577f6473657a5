"""From one `RunResult` to reports: JUnit, JSON, Markdown, HTML and the terminal."""

from harness.reports.redaction import Redactor
from harness.reports.terminal import render_terminal
from harness.reports.writing import ReportsError, make_folder, write_reports

__all__ = ["Redactor", "ReportsError", "make_folder", "render_terminal", "write_reports"]
