"""Parsing of request bodies: strict JSON of a bounded size and shape, without text that PostgreSQL cannot store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser, JSONParser

from apps.core.text import UNSTORABLE

MAX_BODY_BYTES = 1_000_000
MAX_FEED_BYTES = 2_000_000
CHUNK_BYTES = 1 << 18
# The largest body here is a list of 500 people with four fields each. Validation takes time for each field and item.
MAX_FIELDS, MAX_ITEMS, MAX_DEPTH = 20, 1_000, 10
# The client chooses the field names in an error, so they may have any length.
FIELD_LIMIT = 200


class BodyTooLarge(APIException):
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
        # One byte more than allowed shows that there is more, without reading it.
        raw = stream.read(MAX_BODY_BYTES + 1)
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge
        try:
            # JSON is UTF-8, whatever charset the header names.
            data = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
            # A hostile body has one in every text.
            unstorable = dict.fromkeys(islice(_unstorable(data), MAX_ITEMS))
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


class RosterParser(BaseParser):
    """A roster as chunks of bytes, which a worker parses. Raises BodyTooLarge before it reads anything."""

    media_type = "text/csv"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        length = int((parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0)
        if length > settings.MOST_UPLOAD_BYTES:
            raise BodyTooLarge(settings.MOST_UPLOAD_BYTES)
        return iter(lambda: stream.read(CHUNK_BYTES), b"")


class JsonLinesRosterParser(RosterParser):
    media_type = "application/x-ndjson"


def unstorable_error() -> ErrorDetail:
    return ErrorDetail(_("This text contains a character that cannot be stored."), code="unstorable_text")


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _unstorable(data: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    """The dotted names of fields whose key or text holds an unstorable character. Raises ParseError for a body of more
    fields, items or levels than any address takes.
    """
    path = path[:FIELD_LIMIT]
    if isinstance(data, (dict, list)) and (
        depth == MAX_DEPTH or len(data) > (MAX_FIELDS if isinstance(data, dict) else MAX_ITEMS)
    ):
        raise ParseError(
            _("The body has too many levels, over %(fields)s fields in an object, or over %(items)s items in a list.")
            % {"fields": MAX_FIELDS, "items": MAX_ITEMS}
        )
    if isinstance(data, str):
        if UNSTORABLE.search(data):
            yield path
    elif isinstance(data, list):
        for position, item in enumerate(data):
            yield from _unstorable(item, f"{path}.{position}" if path else str(position), depth + 1)
    elif isinstance(data, dict):
        for key, value in data.items():
            clean = UNSTORABLE.sub("\ufffd", key)
            name = f"{path}.{clean}" if path else clean
            if clean != key:
                yield name
            yield from _unstorable(value, name, depth + 1)
