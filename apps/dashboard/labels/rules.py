"""A campaign's counting rule as one plain paragraph, and the differences of two versions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.core.sentences import join_names, join_sentences
from apps.dashboard.labels import base


def in_words(name: str, rule: Any) -> str:
    """What counts, for which employees, and when an employee is red, in one version of a campaign's rule."""
    texts = [_period(name, rule), _external(rule), _claims(rule)]
    if rule.confirmed_only:
        texts.append(_("A contact counts once the person has confirmed it in the messaging app."))
    texts.append(_("A contact that has ended does not count."))
    if rule.prorate_joiners:
        texts.append(
            _(
                "An employee who joins after the first day has a pro-rata target, based on the days from the "
                "first day of work to the deadline."
            )
        )
    if rule.scope:
        texts.append(_("The campaign covers %(departments)s.") % {"departments": join_names(rule.scope)})
    numbers = {"target": base.number(rule.target), "below": base.number(rule.target - 1)}
    texts.append(
        _("An employee who is below target and not exempt is red: %(below)s is red, %(target)s is not.") % numbers
    )
    return join_sentences(texts)


@dataclass(frozen=True)
class Difference:
    """One term that differs between two versions: its label, and its two values."""

    term: str
    before: str
    after: str

    def __str__(self) -> str:
        return _("%(term)s %(before)s → %(after)s") % {
            "term": self.term, "before": self.before, "after": self.after,
        }  # fmt: skip


def differences(changed: dict[str, tuple[Any, Any]]) -> list[Difference]:
    """The terms of a rule that differ (services.changed), in words."""
    terms: dict[str, tuple[str, Callable[[Any], str]]] = {
        "target": (pgettext("term of a rule", "target"), base.number),
        "opens_on": (pgettext("term of a rule", "first day"), base.long_date),
        "deadline": (pgettext("term of a rule", "deadline"), base.long_date),
        "time_zone": (pgettext("term of a rule", "time zone"), base.city),
        "exclusive": (pgettext("term of a rule", "a person counts for"), _for_whom),
        "confirmed_only": (pgettext("term of a rule", "a contact counts"), _from_when),
        "prorate_joiners": (pgettext("term of a rule", "target of late joiners"), _of_joiners),
        "scope": (pgettext("term of a rule", "departments"), lambda names: join_names(names) or _("all")),
        "company_domains": (
            pgettext("term of a rule", "company e-mail domains"),
            lambda names: join_names(names) or pgettext("domains", "none"),
        ),
    }
    return [Difference(terms[name][0], *map(terms[name][1], pair)) for name, pair in changed.items()]


def notice(rule: Any, changed: dict[str, tuple[Any, Any]]) -> str:
    """The rule of this campaign changed on Wed 18 Nov: target 120 → 100 (too much to ask)"""
    what = pgettext("between the changes of a rule", "; ").join(map(str, differences(changed)))
    values = {
        "day": instant_labels(rule.in_force_from, ZoneInfo(rule.time_zone))["day"],
        "what": what,
        "reason": rule.reason,
    }
    if rule.reason:
        return _("The rule of this campaign changed on %(day)s: %(what)s (%(reason)s)") % values
    return _("The rule of this campaign changed on %(day)s: %(what)s") % values


def instant_labels(moment: datetime, zone: ZoneInfo) -> dict[str, str]:
    local = moment.astimezone(zone)
    with timezone.override(zone):
        return {
            "day": base.full_date(local.date()),
            "time": base.clock_time(local),
            "city": base.city(zone.key),
        }


def cut_off(rule: Any) -> str:
    """Mon 30 Nov 2026, 23:59 in Shanghai"""
    # The cut-off is a midnight: '24:00' or '0:00' of the next day would be read wrongly.
    last = rule.cutoff_at - timedelta(minutes=1)
    zone = ZoneInfo(rule.time_zone)
    return _("%(day)s, %(time)s in %(city)s") % {
        **instant_labels(last, zone),
        "day": base.long_date(last.astimezone(zone).date()),
    }


def version_of(rule: Any) -> str:
    """Version 2 of the rule, in force since Mon 9 Nov, 10:00"""
    since = instant_labels(rule.in_force_from, ZoneInfo(rule.time_zone))
    return _("Version %(version)s of the rule, in force since %(day)s, %(time)s.") % {"version": rule.version, **since}


def _period(name: str, rule: Any) -> str:
    zone = ZoneInfo(rule.time_zone)
    people = ngettext("%(count)s person", "%(count)s people", rule.target) % {"count": base.number(rule.target)}
    last = instant_labels(rule.cutoff_at - timedelta(minutes=1), zone)
    values = {
        **last,
        "name": name,
        "people": people,
        "opens": instant_labels(rule.opens_at, zone)["day"],
        "deadline": last["day"],
    }
    text = _(
        "In %(name)s, the target for each employee is to record %(people)s from outside the company, from "
        "%(opens)s until %(deadline)s, %(time)s in %(city)s."
    )
    return text % values


def _external(rule: Any) -> str:
    if not rule.company_domains:
        return _("“From outside the company” means: not an employee at any time since the opening.")
    return _(
        "“From outside the company” means: not an employee at any time since the opening, and no company "
        "address (%(domains)s)."
    ) % {"domains": join_names(rule.company_domains)}


def _claims(rule: Any) -> str:
    if rule.exclusive:
        return _("A person counts only for the colleague who recorded them first.")
    return _("If several colleagues record the same person, the person counts for each of them.")


def _for_whom(exclusive: bool) -> str:
    return _("the colleague who recorded them first") if exclusive else _("every colleague who recorded them")


def _from_when(confirmed_only: bool) -> str:
    return _("once confirmed") if confirmed_only else _("immediately")


def _of_joiners(prorate_joiners: bool) -> str:
    return _("pro rata") if prorate_joiners else _("the same")
