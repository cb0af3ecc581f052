"""Templates whose constant parts are rendered once per language.

Most of a page is the same for every reader: text, its translation, an icon, an address without arguments. Django
renders each of these nodes for every page. Here, adjacent constant nodes become one node that caches its output.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.template import Engine, Node, NodeList, Origin, Template
from django.template.base import FilterExpression, TextNode
from django.template.context import Context
from django.template.defaulttags import CommentNode, IfNode, LoadNode, URLNode
from django.template.library import SimpleNode
from django.template.loaders.cached import Loader as Cached
from django.templatetags.i18n import TranslateNode
from django.templatetags.static import StaticNode
from django.urls import get_script_prefix, get_urlconf
from django.utils.translation import get_language, override

Tag = TypeVar("Tag", bound=Callable[..., Any])
_unchanging: set[Callable[..., Any]] = set()


def constant_tag(tag: Tag) -> Tag:
    """Mark a simple tag whose output depends on its arguments alone, not on the reader or the time."""
    _unchanging.add(tag)
    return tag


class ConstantNode(Node):
    """Nodes that depend on the language and the site's URL prefix alone."""

    child_nodelists = ()

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.token = nodes[0].token
        self._mounted = any(isinstance(node, URLNode) for node in nodes)
        self._known: dict[tuple[Any, ...], str] = {}

    def render(self, context: Context) -> str:
        key: tuple[Any, ...] = (get_language(), context.autoescape)
        if self._mounted:
            key += (get_script_prefix(), get_urlconf(settings.ROOT_URLCONF))
        text = self._known.get(key)
        if text is None:
            text = self._known[key] = "".join(str(node.render_annotated(context)) for node in self.nodes)
        return text


class Loader(Cached):
    """Django's cached loader; it folds each template before the first rendering."""

    def get_template(self, template_name: str, skip: list[Origin] | None = None) -> Template:
        is_cached = self.cache_key(template_name, skip) in self.get_template_cache
        template = super().get_template(template_name, skip)
        if not is_cached:
            template.nodelist = fold(template.nodelist)
        return template


def prerender_templates() -> None:
    """Load all page templates and render their constant parts, in each language.

    Done before a process takes requests, its first reader does not wait. Done before a server forks, all processes
    share the output. With another URL prefix addresses are rendered again. Raises early what the first reader of a page
    would see as an error: TemplateSyntaxError; ValueError for a file that collectstatic has not collected.
    """
    engine = Engine.get_default()
    for folder in map(Path, engine.dirs):
        for page in sorted(folder.rglob("*.html")):
            template, context = engine.get_template(page.relative_to(folder).as_posix()), Context()
            for language, _name in settings.LANGUAGES:
                with override(language), context.bind_template(template):
                    for node in template.nodelist.get_nodes_by_type(ConstantNode):
                        node.render(context)


def fold(nodes: NodeList) -> NodeList:
    """The same nodes, with adjacent constant ones merged; nested nodes likewise."""
    folded, run = NodeList(), list[Node]()
    for node in (*nodes, None):
        if node is not None and _never_changes(node):
            run.append(node)
            continue
        plain = len(run) == 1 and isinstance(run[0], TextNode)
        folded += run if plain or not run else [ConstantNode(run)]
        run = []
        if node is not None:
            _fold_below(node)
            folded.append(node)
    return folded


def _fold_below(node: Node) -> None:
    # In place: child templates hold references to the blocks.
    for name in node.child_nodelists:
        if isinstance(below := node.__dict__.get(name), NodeList):
            setattr(node, name, fold(below))
    if isinstance(node, IfNode):
        node.conditions_nodelists = [(condition, fold(below)) for condition, below in node.conditions_nodelists]


def _never_changes(node: Node) -> bool:
    match node:
        case TextNode() | LoadNode() | CommentNode():
            return True
        case TranslateNode():
            return node.asvar is None and _is_literal(node.filter_expression, node.message_context)
        case StaticNode():
            return node.varname is None and _is_literal(node.path)
        case URLNode():
            return node.asvar is None and _is_literal(node.view_name, *node.args, *node.kwargs.values())
        case SimpleNode():
            constant = node.func in _unchanging and not node.takes_context and node.target_var is None
            return constant and _is_literal(*node.args, *node.kwargs.values())
    return False


def _is_literal(*words: FilterExpression | None) -> bool:
    """Whether the template itself contains each of these as a literal."""
    return all(
        word is None or (not word.filters and (isinstance(word.var, str) or word.var.lookups is None)) for word in words
    )
