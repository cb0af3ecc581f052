"""The demo: a company with its contacts. It runs only in an empty database."""
