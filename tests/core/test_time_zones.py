"""A campaign in a zone that Python or PostgreSQL does not know could never be evaluated."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import time_zones as zones_module
from apps.core.time_zones import current_zones, is_time_zone, time_zones


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    zones_module._require_server_zone.cache_clear()


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "asia/shanghai", "../etc/passwd", "posixrules\0", "x" * 5_000])
def test_invalid_zone_names(db: None, name: str) -> None:
    assert not is_time_zone(name)


def test_only_current_names_are_offered() -> None:
    offered = current_zones()
    assert offered[0] == "UTC"
    assert {"Asia/Shanghai", "Asia/Kolkata", "Europe/Kyiv", "America/Sao_Paulo"} <= set(offered) <= time_zones()
    assert not {"Asia/Calcutta", "Asia/Chongqing", "US/Pacific", "Etc/GMT+8", "PRC", "Europe/Kiev"} & set(offered)


def test_a_zone_is_queried_once(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert is_time_zone("Asia/Shanghai")
        assert is_time_zone("Asia/Shanghai")
    assert len(queries) == 1


def test_a_zone_that_the_server_learns_later_is_accepted_then(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python often has newer names than the server."""
    monkeypatch.setattr(zones_module, "time_zones", lambda: time_zones() | {"Asia/Newtown"})
    assert not is_time_zone("Asia/Newtown")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP VIEW pg_timezone_names AS SELECT name FROM pg_catalog.pg_timezone_names"
            " UNION SELECT 'Asia/Newtown'"
        )
        cursor.execute("SET LOCAL search_path = pg_temp, pg_catalog, public")
    assert is_time_zone("Asia/Newtown")
