"""Template tags of charts: the symbols of a legend, and the rows of the table."""

from html import escape
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def swatch(name: str) -> SafeString:
    """The symbol in a legend: a filled square in a band's colour, the shaded half, or a sub-team's diamond."""
    lines = {
        "mark": '<path class="swatch-mark" d="M6 0v12"/>',
        "diamond": '<path class="swatch-line" d="M6 1.5 10.5 6 6 10.5 1.5 6z"/>',
        "fan-median": '<path class="swatch-dots swatch-median" d="M0 6h12"/>',
        "dots": '<path class="swatch-dots" d="M0 6h12"/>',
    }
    if shape := lines.get(name):
        return SafeString(f'<svg viewBox="0 0 12 12" aria-hidden="true">{shape}</svg>')  # nosec B703 # only constants
    return format_html(
        '<svg viewBox="0 0 12 12" aria-hidden="true"><rect class="swatch {}" width="12" height="12" rx="3"/></svg>',
        name,
    )


@register.simple_tag
def chart_rows(chart: Any) -> SafeString:
    """The body of a chart's table. With template loops it would cost as much as the rest of the page."""
    # A long campaign has a row for each of some hundred days.
    lines = []
    for heading, *values in chart.rows:
        cells = "".join(f'<td class="n">{_cell(cell)}</td>' for cell in values)
        lines.append(f'<tr><th scope="row">{_cell(heading)}</th>{cells}</tr>')
    return SafeString("".join(lines))  # nosec B703 # each cell is escaped by _cell


def _cell(cell: Any) -> str:
    # Plain texts, which Django's own function would escape four times as slowly.
    return format_html('<a href="{}">{}</a>', cell.url, cell.text) if cell.url else escape(cell.text)
