"""Tags of the pages about exports."""

from django import template

from apps.dashboard import export_words

register = template.Library()


@register.filter
def correction_word(action: str) -> str:
    """What of the past was corrected, of an audit trail's action."""
    return str(export_words.CORRECTIONS.get(action, action))
