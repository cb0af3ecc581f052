"""The --campaign argument of commands."""

from django.core.management.base import CommandError, CommandParser

from apps.campaigns.models import Campaign


def add_campaign(parser: CommandParser) -> None:
    parser.add_argument("--campaign", help="its name or short name; not needed while one campaign is open")


def choose_campaign(name: str | None, *, closing: bool = False) -> Campaign:
    """Return the named campaign, else the only open one (or, with `closing`, the only one that is closing).

    When several match, the command lists them and exits with status 2.
    """
    if name:
        try:
            return Campaign.objects.by_name(name)
        except Campaign.DoesNotExist as error:
            raise CommandError(f"no campaign is named {name!r}") from error
    running = list(Campaign.objects.running())
    if closing:
        running += Campaign.objects.filter(state=Campaign.State.CLOSING)
    if not running:
        raise CommandError("no campaign is open; name one with --campaign, or open one with open_campaign")
    if len(running) > 1:
        names = ", ".join(f"{campaign.name} ({campaign.slug})" for campaign in running)
        raise CommandError(f"more than one campaign is open: name one with --campaign. Open: {names}", returncode=2)
    return running[0]
