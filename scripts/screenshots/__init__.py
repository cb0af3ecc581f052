"""Screenshots of every page."""
