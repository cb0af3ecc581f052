"""One line that is no JSON stops a collector, or is an event without time and level."""

import http.client
import json
from pathlib import Path

import pytest

from tests.localstack.stack import RunningStack, data_folder, eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def lines_of(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line]


def test_web_worker_and_beat_write_only_json_from_start_to_stop() -> None:
    with data_folder() as data:
        running = RunningStack(data, LOG_FORMAT="json", TRUSTED_PROXIES="127.0.0.1")
        try:
            running.wait_until_it_answers()
            host = running.address.removeprefix("http://").rstrip("/")
            connection = http.client.HTTPConnection(host, timeout=20)
            connection.request("GET", "/no-such-page/?q=Grace", headers={"X-Request-ID": "0123456789abcdef"})
            assert connection.getresponse().headers["X-Request-ID"] == "0123456789abcdef"
            connection.close()
            # gunicorn itself refuses this one.
            connection = http.client.HTTPConnection(host, timeout=20)
            connection.putrequest("GET", "/", skip_host=True)
            connection.putheader("Bad Header", "Grace")
            connection.endheaders()
            assert connection.getresponse().status == 400
            connection.close()
            logs = {name: data / "log" / f"{name}.log" for name in ("web", "worker", "beat")}
            try:
                eventually(lambda: "succeeded" in logs["worker"].read_text(encoding="utf-8"), within=90)
            except AssertionError as error:
                raise AssertionError(logs["worker"].read_text(encoding="utf-8")[-3000:]) from error
        finally:
            running.stop()
        lines = {name: lines_of(log) for name, log in logs.items()}
    assert all(line.keys() >= {"time", "level", "logger", "message"} for name in lines for line in lines[name])
    refused = [line for line in lines["web"] if line.get("request_id") == "0123456789abcdef"]
    assert [line["message"] for line in refused] == ["Not Found: /no-such-page/"]
    assert any(str(line["message"]).startswith("Invalid request: ") for line in lines["web"])
    assert "127.0.0.1" not in json.dumps([line["message"] for line in lines["web"] if "Listening" not in str(line)])
