"""Cached parts of pages: dynamic parts must stay dynamic, or a reader sees another reader's page."""

from typing import Any

import pytest
from django.conf import settings
from django.template import Context, Node, engines
from django.template.base import Template
from django.test import override_settings
from django.urls import set_script_prefix, set_urlconf
from django.utils import translation

from apps.dashboard.template_constants import ConstantNode, fold, prerender_templates

LOAD = "{% load i18n static dashboard %}"


def folded(source: str) -> Template:
    template = engines["django"].engine.from_string(LOAD + source)
    template.nodelist = fold(template.nodelist)
    return template


def plain(source: str) -> Template:
    return engines["django"].engine.from_string(LOAD + source)


@pytest.mark.parametrize(
    "source",
    [
        "a {% translate 'Name' %} b {# said to nobody #}{% icon 'users' %}{% url 'me' %}{% static 'css/base.css' %} c",
        "{% translate 'Name' %}{{ who }}{% translate 'Name' %}",
        "{% if who %}{% translate 'Name' %} {% icon 'users' %}{% else %}-{% translate 'Add' %}{% endif %}",
        "{% for one in many %}{% icon 'check' %} {{ one }}{% empty %}{% translate 'Nobody yet' %}!{% endfor %}",
        "{% with other=who %}<b>{% translate 'Name' %}</b>{{ other }}{% endwith %}",
        "{% translate 'Name' as name %}{{ name }}{% url 'me' as here %}{{ here }}",
        "{% url 'contact' number %}{% translate 'Name' context 'nowhere' %}{% translate who %}",
        "{% blocktranslate with name=who %}End {{ name }}{% endblocktranslate %}",
    ],
)
def test_a_folded_template_says_what_it_said(source: str) -> None:
    """Whichever reader comes first in whichever language, the next one sees their own page."""
    readers: list[dict[str, Any]] = [
        {"who": "Ann & Bo", "many": [1, 2], "number": 17},
        {"who": "", "many": [], "number": 4},
        {"who": "<i>", "many": ["x"], "number": 5},
    ]
    template = folded(source)
    for language in ("en", "zh-hans", "en"):
        with translation.override(language):
            for context in readers:
                assert template.render(Context(context)) == plain(source).render(Context(context))


def test_what_stands_side_by_side_is_one() -> None:
    nodes = folded("a {% translate 'Name' %} {% icon 'users' %} {{ who }} {% url 'me' %} z").nodelist
    assert [type(node).__name__ for node in nodes] == ["ConstantNode", "VariableNode", "ConstantNode"]


@pytest.mark.parametrize("source", ["{% csrf_token %}", "{{ who }}", "{% translate who %}", "{% icon who %}"])
def test_reader_dependent_parts_are_never_cached(source: str) -> None:
    assert not [node for node in folded(source).nodelist[1:] if isinstance(node, ConstantNode)]


def test_an_address_follows_where_the_site_is_mounted() -> None:
    template = folded("{% url 'contacts' %} {% translate 'Name' %}")
    with translation.override("en"):
        assert template.render(Context()).startswith("/contacts/")
        try:
            set_script_prefix("/hundred/")
            assert template.render(Context()).startswith("/hundred/contacts/")
        finally:
            set_script_prefix("/")


def test_every_page_is_folded() -> None:
    """The configured loader folds templates; a page's blocks are those its base was loaded with."""
    engine = engines["django"].engine
    base, page = engine.get_template("base.html"), engine.get_template("standing/my_standing.html")
    assert len([node for node in base.nodelist if isinstance(node, ConstantNode)]) > 1
    block = page.nodelist.get_nodes_by_type(type(page.nodelist[0]))[0].blocks["content"]
    assert [node for node in block.nodelist if isinstance(node, ConstantNode)]


@override_settings(LANGUAGE_CODE="en")
def test_a_template_error_is_raised_each_time() -> None:
    template = folded("{% translate 'Name' %}{% url 'no-such-page' %}")
    for _time in range(2):
        with pytest.raises(Exception, match="no-such-page"):
            template.render(Context())


def test_a_prerendered_page_leaves_no_work_to_its_first_reader(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Otherwise the first reader in every process waits for icons and translations."""
    engine = engines["django"].engine
    for loader in engine.template_loaders:
        loader.reset()
    prerender_templates()
    request.addfinalizer(lambda: set_urlconf(None))
    set_urlconf(settings.ROOT_URLCONF)  # as in a request
    # Child templates render from both.
    for page in ("base.html", "standing/my_standing.html", "team/team.html", "account/login.html"):
        unchanging = engine.get_template(page).nodelist.get_nodes_by_type(ConstantNode)
        assert unchanging
        for node in unchanging:
            monkeypatch.setattr(node, "nodes", [NeverAgain()])
            for language in ("en", "zh-hans"):
                with translation.override(language):
                    node.render(Context())


class NeverAgain(Node):
    def render(self, context: Context) -> str:
        raise AssertionError("drawn for a reader")
