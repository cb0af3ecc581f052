"""Template tags about an employee's own contacts."""

from typing import Any

from django import template

from apps.campaigns import selectors

register = template.Library()


@register.simple_tag(takes_context=True)
def can_record_again(context: Any, contact: Any) -> bool:
    """Whether the contact is outside the period of the page's campaign, which takes contacts now."""
    scope = context["scope"]
    outside = contact.reason == "outside_period" and contact.ended_at is None and not contact.erased
    return outside and scope.as_of is None and selectors.takes_contacts(scope.campaign, scope.now)


@register.simple_tag(takes_context=True)
def may_be_wrong(context: Any, contact: Any) -> bool:
    """Whether the reason that the contact does not count suggests that it was recorded by mistake."""
    live = contact.ended_at is None and not contact.erased
    return live and contact.reason in ("not_external", "claimed") and not context["scope"].result


@register.simple_tag(takes_context=True)
def takes_contacts(context: Any) -> bool:
    """Whether a contact recorded now lies in the period of the page's campaign."""
    scope = context["scope"]
    return selectors.takes_contacts(scope.campaign, scope.now)
