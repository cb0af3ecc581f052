"""The demo: a company with its contacts, only for an empty database."""
