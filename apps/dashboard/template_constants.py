"""Templates whose unchanging parts are put together once for each language.

Most of a page says the same to everybody: text, its translation, an icon, an address without arguments. Django renders
each of these nodes anew for every page. Here runs of them that stand side by side become one node, which keeps what
they came to.
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
    """Say of a simple tag that with the same words it comes to the same, whoever reads it and when."""
    _unchanging.add(tag)
    return tag


class ConstantNode(Node):
    """Nodes that hang on the language and on where the site is mounted, and on nothing else."""

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
    """Django's loader that keeps what it has read, each template folded before it is first drawn."""

    def get_template(self, template_name: str, skip: list[Origin] | None = None) -> Template:
        known = self.cache_key(template_name, skip) in self.get_template_cache
        template = super().get_template(template_name, skip)
        if not known:
            template.nodelist = fold(template.nodelist)
        return template


def prerender_templates() -> None:
    """Read every page of ours and put together what never changes of it, in each language.

    Done before a process takes requests, its first reader does not wait for it; done before a server's processes part,
    all share what it came to. Below another prefix addresses are put together again. Raises what a page's first reader
    would be told of as trouble: TemplateSyntaxError; ValueError for a file that collectstatic has not collected.
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
    """The same nodes, those that stand side by side and never change as one; everything below them likewise."""
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
    # In place: whoever extends a template holds on to its blocks.
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
            return node.asvar is None and _is_said(node.filter_expression, node.message_context)
        case StaticNode():
            return node.varname is None and _is_said(node.path)
        case URLNode():
            return node.asvar is None and _is_said(node.view_name, *node.args, *node.kwargs.values())
        case SimpleNode():
            told = node.func in _unchanging and not node.takes_context and node.target_var is None
            return told and _is_said(*node.args, *node.kwargs.values())
    return False


def _is_said(*words: FilterExpression | None) -> bool:
    """Whether the template itself says each of these, letter for letter."""
    return all(
        word is None or (not word.filters and (isinstance(word.var, str) or word.var.lookups is None)) for word in words
    )
