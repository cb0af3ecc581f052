"""Values inside the text of a query: whatever users write remains a value."""

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.sql import sql_literal

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
