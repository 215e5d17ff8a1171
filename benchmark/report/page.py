"""Which files make the page of a report; how they become one HTML file is told in `medshape_text.web`."""

from medshape_text.web import Page

PAGE = Page("benchmark.report", ("page.css", "report.css", "views.css", "slices.css"), "report.js")
