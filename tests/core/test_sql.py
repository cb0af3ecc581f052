"""Values inside the text of a query: whatever users write remains a value."""

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.email_domains import in_domains
from apps.core.sql import domain_prefixes, in_domains_sql, sql_literal

pytestmark = pytest.mark.django_db
# PostgreSQL stores neither NUL nor half of a surrogate pair; the interfaces refuse both.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def stored(value: object) -> object:
    with connection.cursor() as cursor:
        # As the application sends it: with parameters, so that a bare % would be taken for one.
        cursor.execute(f"SELECT {sql_literal(value)}".replace("%", "%%"), [])
        return cursor.fetchone()[0]


HOSTILE = ["'; DROP TABLE accounts_role; --", "\\'; SELECT 1; --", "%s %(at)s %%", "$$ '' $1 \\"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_department_named_like_sql_stays_a_name(text):
    assert stored(text) == text
    assert stored([text, "Sales"]) == [text, "Sales"]


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_any_text_is_returned_unchanged(text, texts):
    assert stored(text) == text
    assert stored(texts) == texts


LABELS = st.sampled_from(["a", "b", "ab", "corp", "example", "com", "münchen", "{}", "x'y"])
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@settings(max_examples=200, deadline=None)
@given(DOMAINS, st.lists(DOMAINS, max_size=6))
def test_a_domain_or_its_parent_is_found(domain, domains):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {in_domains_sql(sql_literal(domain), domain_prefixes(domains))}")
        assert cursor.fetchone()[0] is in_domains(domain, domains)
