"""Tags of the pages about exports."""

from django import template

from apps.dashboard.labels import exports

register = template.Library()


@register.filter
def correction_word(action: str) -> str:
    """What of the past was corrected, of an audit trail's action."""
    return str(exports.CORRECTIONS.get(action, action))
