"""A campaign's counting rule in one plain paragraph, as people read it."""

from datetime import timedelta
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.dashboard import words


def in_words(name: str, rule: Any) -> str:
    """What counts, whom it covers and when somebody is red, of one version of a campaign's rule."""
    texts = [_period(name, rule), _external(rule), _claims(rule)]
    if rule.confirmed_only:
        texts.append(_("A contact counts once the person has confirmed it in the messaging app."))
    texts.append(_("A contact that has ended does not count."))
    if rule.scope:
        texts.append(_("The campaign covers %(departments)s.") % {"departments": _listed(rule.scope)})
    numbers = {"target": words.number(rule.target), "below": words.number(rule.target - 1)}
    texts.append(_("Whoever is under the target and not exempt is red: %(below)s is red, %(target)s is not.") % numbers)
    return reduce(_followed_by, texts)


def _followed_by(first: str, second: str) -> str:
    """In Chinese no blank stands between two sentences."""
    return pgettext("two sentences", "%(first)s %(second)s") % {"first": first, "second": second}


def version_of(rule: Any) -> str:
    """Version 2 of the rule, in force since Mon 9 Nov, 10:00"""
    zone = ZoneInfo(rule.time_zone)
    since = rule.in_force_from.astimezone(zone)
    with timezone.override(zone):
        return _("Version %(version)s of the rule, in force since %(day)s, %(time)s.") % {
            "version": rule.version,
            "day": words.full_date(since.date()),
            "time": words.clock_time(since),
        }


def _period(name: str, rule: Any) -> str:
    zone = ZoneInfo(rule.time_zone)
    first, last = rule.opens_at.astimezone(zone), (rule.cutoff_at - timedelta(minutes=1)).astimezone(zone)
    with timezone.override(zone):
        said = {
            "name": name,
            "opens": words.full_date(first.date()),
            "deadline": words.full_date(last.date()),
            "time": words.clock_time(last),
            "city": words.city(rule.time_zone),
            "people": ngettext("%(count)s person", "%(count)s people", rule.target)
            % {"count": words.number(rule.target)},
        }
    return (
        _(
            "In %(name)s everybody is to record %(people)s from outside, from %(opens)s until %(deadline)s, %(time)s in"
            " %(city)s."
        )
        % said
    )


def _external(rule: Any) -> str:
    if not rule.company_domains:
        return _("From outside means: no employee at any time since the opening.")
    return _(
        "From outside means: no employee at any time since the opening, and no address of the company (%(domains)s)."
    ) % {"domains": _listed(rule.company_domains)}


def _claims(rule: Any) -> str:
    if rule.exclusive:
        return _("A person counts for the colleague who recorded them first, and for nobody else.")
    return _("When several colleagues know the same person, that person counts for each of them.")


def _listed(names: list[str]) -> str:
    return pgettext("between the names of a list", ", ").join(names)
