"""From one `RunResult` to reports: JUnit, JSON, Markdown, HTML and the terminal."""

from harness.reports.redaction import Redactor
from harness.reports.terminal import render_terminal
from harness.reports.writing import ReportsError, write_reports

__all__ = ["Redactor", "ReportsError", "render_terminal", "write_reports"]
