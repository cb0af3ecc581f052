"""Rosters that a program sends: stored once for each Idempotency-Key, and confirmed without a person."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.roster.imports import MAX_UNCONFIRMED, WAITING, State, confirm, leavers_to_type, receive_upload
from apps.roster.models import RosterImport, RosterSource


@dataclass(frozen=True)
class ProgramLoadOptions:
    """The options of a program's file, named as those of import_roster. `format` is one of reader.FORMATS."""

    format: str
    dry_run: bool = False
    complete: bool = False
    clear_empty: bool = False
    without_unknown_managers: bool = False
    encoding: str = ""


class RequestKeyReused(ValueError):
    """The sender used this key before, for another file or with other options; nothing was stored."""


def receive_program_load(
    *, content: Iterable[bytes], options: ProgramLoadOptions, request_key: str = "", by: Actor
) -> RosterImport:
    """Store a program's file, to be previewed and, without `dry_run`, applied by a worker.

    `request_key`: the same key with the same file and options returns the first load. Raises Refused, and
    RequestKeyReused.
    """
    body = _HashedContent(content, options)
    if request_key and (earlier := _load_of(request_key, by)):
        for _chunk in body:
            continue
        return _same_request(earlier, body)
    try:
        with transaction.atomic():
            return _store(body, options, request_key, by)
    except IntegrityError:
        # The same request arrived twice at once, and the other one was stored first.
        first = _load_of(request_key, by)
        if first is None:
            raise
        return _same_request(first, body)


def _store(body: _HashedContent, options: ProgramLoadOptions, request_key: str, by: Actor) -> RosterImport:
    if RosterImport.objects.filter(actor_id=by.id, state__in=WAITING).count() >= MAX_UNCONFIRMED:
        message = _("%(count)s of your files are in progress. Wait until one of them is done.")
        raise Refused("busy", message % {"count": MAX_UNCONFIRMED}, conflict=True)
    load = receive_upload(name=f"api.{options.format}", content=body, source=RosterSource.API, by=by)
    load.complete, load.apply_at_once = options.complete, not options.dry_run
    load.request_key, load.request_digest = request_key, body.digest
    load.layout = {
        "format": options.format, "encoding": options.encoding, "clear_empty": options.clear_empty,
        "without_unknown_managers": options.without_unknown_managers,
    }  # fmt: skip
    load.save()
    return load


def _load_of(request_key: str, by: Actor) -> RosterImport | None:
    return RosterImport.objects.filter(actor_id=by.id, request_key=request_key).first()


def _same_request(load: RosterImport, body: _HashedContent) -> RosterImport:
    if load.request_digest != body.digest:
        raise RequestKeyReused
    return load


def confirm_program_load(load_id: uuid.UUID) -> None:
    """Confirm a previewed load that its program asked to apply at once; a refusal is stored as its problem.

    No person types the number of leavers: a load that ends many employments waits for a second person anyway.
    """
    load = RosterImport.objects.get(pk=load_id)
    if not load.apply_at_once or load.state != State.PREVIEWED or not load.digest:
        return
    by = Actor(load.actor_id, load.actor_label)
    try:
        confirm(load, digest=load.digest, leavers=leavers_to_type(load), by=by)
    except Refused as refused:
        problem = {"code": refused.code if refused.code == "roster_source" else f"approval_{refused.code}"}
        RosterImport.objects.filter(pk=load_id, state=State.PREVIEWED).update(
            state=State.REFUSED, done_at=db_now(), report=load.report | {"problem": problem}
        )


class _HashedContent:
    """The chunks of a body; afterwards `digest` identifies them together with the options."""

    def __init__(self, content: Iterable[bytes], options: ProgramLoadOptions):
        self._content = content
        self._sha256 = hashlib.sha256(json.dumps(asdict(options), sort_keys=True).encode() + b"\n")

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._content:
            self._sha256.update(chunk)
            yield chunk

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()
