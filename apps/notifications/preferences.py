"""What a recipient switched on or off: by kind and channel."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from apps.accounts.models import Account, Role
from apps.notifications.kinds import KINDS, Audience, Kind
from apps.notifications.models import Preference, recipient_of


def kinds_for(account: Account) -> list[Kind]:
    """The kinds that this account can receive."""
    employee = account.employee
    receives = {
        Audience.HR: account.has_role(Role.Kind.HR),
        Audience.ACCOUNT: True,
        Audience.MANAGER: employee is not None and employee.is_manager,
    }
    return [kind for kind in KINDS.values() if receives.get(kind.audience, employee is not None)]


def enabled_channels(account: Account) -> dict[tuple[str, str], bool]:
    """Whether this account receives each of its kinds by each channel."""
    stored = {
        (code, channel): enabled
        for code, channel, enabled in Preference.objects.filter(**recipient_of(account)).values_list(
            "kind", "channel", "enabled"
        )
    }
    return {
        (kind.code, str(channel)): not kind.can_switch_off or stored.get((kind.code, str(channel)), True)
        for kind in kinds_for(account)
        for channel in kind.channels
    }


@transaction.atomic
def save_preferences(account: Account, choices: Mapping[tuple[str, str], bool]) -> None:
    """Store what the account chose; only differences from the default are kept.

    Choices of kinds that it does not receive or that cannot be switched off are ignored.
    """
    possible = {
        (kind.code, str(channel)) for kind in kinds_for(account) if kind.can_switch_off for channel in kind.channels
    }
    recipient = recipient_of(account)
    # Not those of kinds that the account does not receive now: it may again.
    shown = Preference.objects.filter(**recipient, kind__in={kind for kind, _channel in possible})
    shown.delete()
    Preference.objects.bulk_create(
        (
            Preference(**recipient, kind=kind, channel=channel, enabled=False)
            for kind, channel in sorted(possible)
            if not choices.get((kind, channel), False)
        ),
        # A link in a mail may have switched the same off meanwhile.
        ignore_conflicts=True,
    )
