"""What a recipient switched on or off: by kind and channel."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from apps.accounts.models import Account, Role
from apps.notifications.channels import configured
from apps.notifications.channels.chat import configured_product
from apps.notifications.kinds import KINDS, Audience, Kind
from apps.notifications.models import Channel, Preference, recipient_of


def kinds_for(account: Account) -> list[Kind]:
    """The kinds that this account can receive."""
    employee = account.employee
    receives = {
        Audience.HR: account.has_role(Role.Kind.HR),
        Audience.ACCOUNT: True,
        Audience.MANAGER: employee is not None and employee.is_manager,
    }
    return [kind for kind in KINDS.values() if receives.get(kind.audience, employee is not None)]


def channels_for(account: Account, kind: Kind) -> list[str]:
    """The channels by which this account can receive the kind; chat for people who can be found there."""
    possible = configured() if _can_chat(account) else configured() - {"chat"}
    return [str(channel) for channel in kind.channels if channel in possible]


def enabled_channels(account: Account) -> dict[tuple[str, str], bool]:
    """Whether this account receives each of its kinds by each channel."""
    stored = {
        (code, channel): enabled
        for code, channel, enabled in Preference.objects.filter(**recipient_of(account)).values_list(
            "kind", "channel", "enabled"
        )
    }
    return {
        (kind.code, channel): not kind.can_switch_off_by(channel)
        or stored.get((kind.code, channel), _default(account, kind, channel, stored))
        for kind in kinds_for(account)
        for channel in channels_for(account, kind)
    }


@transaction.atomic
def save_preferences(account: Account, choices: Mapping[tuple[str, str], bool]) -> None:
    """Store what the account chose; only differences from the default are kept.

    Choices of kinds that it does not receive or that cannot be switched off are ignored.
    """
    kinds = {kind.code: kind for kind in kinds_for(account) if kind.can_switch_off}
    chosen = {
        code: {
            channel: choices.get((code, channel), False)
            for channel in channels_for(account, kind)
            if kind.can_switch_off_by(channel)
        }
        for code, kind in kinds.items()
    }
    recipient, channels = recipient_of(account), {channel for by_channel in chosen.values() for channel in by_channel}
    # Not those of kinds and channels that the account does not receive now: it may again.
    shown = Preference.objects.filter(**recipient, kind__in=kinds, channel__in=channels)
    shown.delete()
    Preference.objects.bulk_create(
        (
            Preference(**recipient, kind=code, channel=channel, enabled=chosen[code][channel])
            for code, kind in sorted(kinds.items())
            for channel in _differing(account, kind, chosen[code])
        ),
        # A link in a mail may have switched the same off meanwhile.
        ignore_conflicts=True,
    )


def _can_chat(account: Account) -> bool:
    product = configured_product()
    return product is not None and (product.matches_email or _has_chat_id(account))


def _has_chat_id(account: Account) -> bool:
    return account.employee is not None and bool(account.employee.chat_id)


def _default(account: Account, kind: Kind, channel: str, stored: Mapping[tuple[str, str], bool]) -> bool:
    """Chat takes the place of e-mail where the roster names the account there, unless e-mail was switched off.

    `queries/planning.sql` has the same rule.
    """
    by_chat = _has_chat_id(account) and Channel.CHAT in channels_for(account, kind)
    if channel == Channel.CHAT:
        return by_chat and stored.get((kind.code, "email"), True)
    return not (channel == Channel.EMAIL and by_chat)


def _differing(account: Account, kind: Kind, chosen: Mapping[str, bool]) -> list[str]:
    """The channels whose choice is stored; e-mail and chat together, as the default of one depends on the other."""
    differing = {channel for channel, enabled in chosen.items() if enabled != _default(account, kind, channel, {})}
    pair = {Channel.EMAIL.value, Channel.CHAT.value}
    if differing & pair and pair <= set(chosen):
        differing |= pair
    return sorted(differing)
