"""The database receives what pg_restore writes unchanged, except for what it would refuse."""

import io
from collections.abc import Callable

import pytest

from apps.backups.sql_script import Rows, Statements, TruncatedError, read_script

SCRIPT = rb"""--
-- PostgreSQL database dump
--

\restrict abc
SET lock_timeout = 0;
SET transaction_timeout = 0;

--
-- Name: refuse(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse() RETURNS trigger AS $$
BEGIN

    -- says \restrict and COPY x FROM stdin;
    RETURN NEW;
END $$;


--
-- Name: people; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.people (id bigint, name text);
ALTER TABLE ONLY public.people ALTER COLUMN name SET (pg_attver=26842928);

--
-- Data for Name: people; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.people (id, name) FROM stdin;
1	a\\.
2	\N
3	-- Name: x; Type: TABLE; Schema: public; Owner: -
\.


--
-- Data for Name: empty; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.empty (id) FROM stdin;
\.


--
-- Name: people once; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.people ADD CONSTRAINT once PRIMARY KEY (id);

\unrestrict abc
"""


def read(script: bytes, server: int = 18, size: int = 1 << 18) -> list[tuple[str, str]]:
    """Every part: its subject, and the statements or all rows."""
    parts = []
    for part in read_script(io.BytesIO(script), server, lambda: None):
        if isinstance(part, Statements):
            parts.append((part.subject, part.text))
        else:
            rows = b""
            while piece := part.read(size):
                rows += piece
            parts.append((part.command, rows.decode()))
    return parts


@pytest.mark.parametrize("size", [1, 20, 1 << 18])
def test_objects_and_rows_are_separate_parts(size: int) -> None:
    settings, function, table, rows, none, constraint = read(SCRIPT, size=size)
    assert settings[1].endswith("SET lock_timeout = 0;\nSET transaction_timeout = 0;\n\n--\n")
    assert function[0] == "function refuse()"
    assert "    -- says \\restrict and COPY x FROM stdin;\n    RETURN NEW;\nEND $$;" in function[1]
    assert table == ("table people", "--\n\nCREATE TABLE public.people (id bigint, name text);\n\n--\n")
    assert rows[0] == "COPY public.people (id, name) FROM stdin"
    assert rows[1].splitlines() == ["1\ta\\\\.", "2\t\\N", "3\t-- Name: x; Type: TABLE; Schema: public; Owner: -"]
    assert none == ("COPY public.empty (id) FROM stdin", "")
    assert constraint[0] == "constraint people once"
    assert "restrict" not in settings[1] + constraint[1]


def test_statements_unknown_to_an_older_server_are_skipped() -> None:
    assert "transaction_timeout" in read(SCRIPT, server=17)[0][1]
    assert "transaction_timeout" not in read(SCRIPT, server=16)[0][1]
    assert "lock_timeout" in read(SCRIPT, server=15)[0][1]


def test_truncated_rows_are_never_taken_for_a_whole_table() -> None:
    with pytest.raises(TruncatedError):
        read(SCRIPT[: SCRIPT.index(b"2\t")])


def test_the_error_that_stops_the_rows_is_stored() -> None:
    """psycopg2 turns every exception of a file into an error of the database."""

    def stop() -> None:
        raise KeyboardInterrupt

    def rows_of(progress: Callable[[], None]) -> Rows:
        return next(part for part in read_script(io.BytesIO(SCRIPT), 18, progress) if isinstance(part, Rows))

    rows = rows_of(stop)
    with pytest.raises(KeyboardInterrupt):
        rows.read()
    assert isinstance(rows.failure, KeyboardInterrupt)
