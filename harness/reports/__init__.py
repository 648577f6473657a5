"""From one `RunResult` to reports: JUnit, JSON, Markdown, HTML and the terminal."""
