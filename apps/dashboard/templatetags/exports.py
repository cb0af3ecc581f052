"""Tags of the pages about exports."""

from django import template

from apps.dashboard.labels import exports

register = template.Library()


@register.filter
def correction_word(action: str) -> str:
    """What was corrected in the past, for an action of the audit trail."""
    return str(exports.CORRECTIONS.get(action, action))
