"""Notifications by the company's chat product: whichever of PRODUCTS the installation has.

Another product is a module beside `slack` and a line here.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.notifications.channels.base import Session, TemporaryFailure
from apps.notifications.channels.dingtalk import DingTalk
from apps.notifications.channels.slack import Slack


class Product(Protocol):
    """`matches_email`: it finds people whose account the roster does not name by their e-mail address."""

    label: str | Promise
    per_second: float
    matches_email: bool

    def is_configured(self) -> bool: ...

    def session(self) -> AbstractContextManager[Session]: ...


PRODUCTS: tuple[Product, ...] = (DingTalk(), Slack())


def configured_product() -> Product | None:
    """The first configured product; a check refuses a second one."""
    return next((product for product in PRODUCTS if product.is_configured()), None)


class ChatChannel:
    name = "chat"

    def is_configured(self) -> bool:
        return configured_product() is not None

    @property
    def label(self) -> str | Promise:
        product = configured_product()
        return product.label if product else _("chat")

    @property
    def per_second(self) -> float:
        product = configured_product()
        return product.per_second if product else 1.0

    def session(self) -> AbstractContextManager[Session]:
        product = configured_product()
        if product is None:
            raise TemporaryFailure("not_configured", affects_all=True)
        return product.session()
