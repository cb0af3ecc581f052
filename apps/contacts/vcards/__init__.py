"""vCard files, read and written: 2.1, 3.0 and 4.0 come in, 4.0 goes out. No Django."""

from apps.contacts.vcards.reading import Card, looks_like_vcards, needs_encoding, read_cards
from apps.contacts.vcards.writing import write_card

__all__ = ["Card", "looks_like_vcards", "needs_encoding", "read_cards", "write_card"]
