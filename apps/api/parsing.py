"""Parsing of request bodies: strict JSON of a bounded size, without text that PostgreSQL cannot store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser, JSONParser

MAX_BODY_BYTES = 1_000_000
MAX_FEED_BYTES = 2_000_000
# NUL, and halves of surrogate pairs: PostgreSQL stores neither, and no font shows them.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class BodyTooLarge(APIException):
    """The body exceeds the size limit of its address."""

    status_code = 413
    default_code = "too_large"

    def __init__(self, most: int = MAX_BODY_BYTES) -> None:
        super().__init__(_("The body is larger than %(bytes)s bytes.") % {"bytes": most})


class StrictJSONParser(JSONParser):
    """UTF-8 JSON as in RFC 8259: no NaN, bounded size, storable texts. Raises APIException."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(MAX_BODY_BYTES + 1)
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge
        try:
            # JSON is UTF-8, whatever charset the header names.
            data = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
            unstorable = dict.fromkeys(_unstorable(data))
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body is not valid JSON in UTF-8.")) from error
        if unstorable:
            raise ValidationError({name: [unstorable_error()] for name in unstorable})
        return data


class CsvParser(BaseParser):
    """The raw bytes of a CSV file, of a bounded size; parsed elsewhere. Raises BodyTooLarge."""

    media_type = "text/csv"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw: bytes = stream.read(MAX_FEED_BYTES + 1)
        if len(raw) > MAX_FEED_BYTES:
            raise BodyTooLarge(MAX_FEED_BYTES)
        return raw


def unstorable_error() -> ErrorDetail:
    """The message about a text with such a character."""
    return ErrorDetail(_("This text holds a character that cannot be stored."), code="unstorable_text")


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _unstorable(data: Any, path: str = "") -> Iterator[str]:
    """The dotted names of fields whose key or text holds an unstorable character."""
    if isinstance(data, str):
        if UNSTORABLE.search(data):
            yield path
    elif isinstance(data, list):
        for position, item in enumerate(data):
            yield from _unstorable(item, f"{path}.{position}" if path else str(position))
    elif isinstance(data, dict):
        for key, value in data.items():
            clean = UNSTORABLE.sub("\ufffd", key)
            name = f"{path}.{clean}" if path else clean
            if clean != key:
                yield name
            yield from _unstorable(value, name)
