"""Pages that people open in a browser: one file each, with tables that sort and plots that zoom, and no network."""

from emotf.report.html.run import run_page

__all__ = ["run_page"]
