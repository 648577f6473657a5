from __future__ import annotations

import itertools
import json
from pathlib import Path

from harness.internet.log import RequestLog, Traffic


def logged(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_what_came_after_the_mark() -> None:
    log = RequestLog(clock=itertools.count().__next__)
    kept_alive = log.connected("127.0.0.1:1").number
    log.asked(kept_alive, "GET", "cache.internet", "/before")
    mark = log.mark()
    assert log.since(mark) == []
    assert log.connections_since(mark) == []
    log.asked(kept_alive, "GET", "cache.internet", "/after")
    late = log.connected("127.0.0.1:2")
    assert [request.path for request in log.since(mark)] == ["/after"]
    assert log.connections_since(mark) == [late]


def test_an_answer_to_an_earlier_request_is_no_news() -> None:
    log = RequestLog()
    asked = log.asked(log.connected("127.0.0.1:1").number, "GET", "cache.internet", "/nar/x.nar")
    mark = log.mark()
    log.answered(asked.number, 200, received=0, sent=10)
    assert log.since(mark) == []


def test_a_request_counts_before_it_is_answered(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log")
    mark = log.mark()
    asked = log.asked(log.connected("127.0.0.1:1").number, "PUT", "h", "/p", strange=True)
    assert log.since(mark) == [asked]
    assert asked.status is None
    assert [line["event"] for line in logged(tmp_path / "log")] == ["connection", "request"]
    log.answered(asked.number, 404, received=3, sent=4, note="odd")
    (done,) = log.since(mark)
    assert (done.status, done.received, done.sent, done.note) == (404, 3, 4, "odd")
    assert (done.path, done.strange) == ("/p", True)
    log.close()


def test_the_file_has_all_and_is_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "log"
    for _ in range(2):
        log = RequestLog(file, clock=lambda: 12.5)
        asked = log.asked(log.connected("127.0.0.1:9").number, "GET", "höst", "/a\n\x00")
        log.answered(asked.number, 200, received=0, sent=7)
        log.close()
        assert log.since(log.mark()) == []
    first = logged(file)[:3]
    assert first == [
        {"event": "connection", "number": 0, "time": 12.5, "peer": "127.0.0.1:9"},
        {
            "event": "request",
            "number": 0,
            "connection": 0,
            "time": 12.5,
            "method": "GET",
            "host": "höst",
            "path": "/a\n\x00",
            "strange": False,
        },
        {
            "event": "answer",
            "number": 0,
            "time": 12.5,
            "status": 200,
            "received": 0,
            "sent": 7,
            "note": "",
        },
    ]
    assert len(logged(file)) == 6


def test_traffic_tells_in_a_line() -> None:
    log = RequestLog()
    connection = log.connected("127.0.0.1:1")
    asked = log.asked(connection.number, "GET", "cache.internet", "/nix-cache-info")
    assert Traffic((), ()).silent
    assert not Traffic((connection,), ()).silent
    assert not Traffic((), (asked,)).silent
    assert "GET cache.internet/nix-cache-info" in str(Traffic((connection,), (asked,)))
    assert str(Traffic((), ())) == "no connection and no request"
