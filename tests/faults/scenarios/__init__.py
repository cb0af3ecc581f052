"""The scenarios, one module for each id of the table."""
