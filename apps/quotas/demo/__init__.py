"""The demo: a company with its contacts, made for looking at. Nothing here runs on a database with real people."""

from apps.quotas.demo.seeding import AlreadySeeded, NoDemo, NotEmpty, Seeded, seed_demo, sign_ins

__all__ = ["AlreadySeeded", "NoDemo", "NotEmpty", "Seeded", "seed_demo", "sign_ins"]
