"""The internet as a program on a machine of its own: the NixOS tier's second node.

``serve`` runs the same cache, mirror and name server that the embedded tier has on the host, and
obeys a control socket; ``ask`` sends it one request and prints the answer.  Both speak JSON, a
line each.  `RemoteReach` is the other end.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from harness.errors import HarnessError
from harness.internet.cache import BinaryCache, Layer, View
from harness.internet.dns import NameServer
from harness.internet.log import Mark
from harness.internet.mirror import SourceMirror
from harness.internet.proxy import Proxy
from harness.internet.reach import Moment
from harness.internet.server import Internet
from harness.internet.uplink import Uplink

CONTROL = Path("/run/harness-internet.sock")
LOG = Path("/var/log/harness-internet.jsonl")
#: Where the proxy listens that passes requests on to the real internet.
PROXY_PORT = 3128
_EVERYWHERE = "0.0.0.0"


class Control(socketserver.ThreadingUnixStreamServer):
    """Obeys requests of one JSON line: ``{"do": NAME, ...}``."""

    daemon_threads = True

    def __init__(self, path: Path, uplink: Uplink) -> None:
        path.unlink(missing_ok=True)
        self.uplink = uplink
        self.turn = threading.Lock()
        super().__init__(str(path), _Conversation)

    def obey(self, request: dict[str, object]) -> object:
        """Do what *request* says; the answer is what JSON can say.

        Raises `ValueError` for a request that makes no sense, `HarnessError` when the internet
        is broken.
        """
        with self.turn:
            match request:
                case {"do": "open"}:
                    self.uplink.open()
                    return {}
                case {"do": "refuse"}:
                    self.uplink.refuse()
                    return {}
                case {"do": "show", "view": str(view)}:
                    self.uplink.show(View[view])
                    return {}
                case {"do": "now"}:
                    moment = self.uplink.now()
                    http = moment.http
                    return [http.connections, http.requests, moment.questions]
                case {"do": "heard", "since": [int(), int(), int()] as since}:
                    return self.uplink.heard_since(_moment(since))
                case {"do": "nars", "since": [int(), int(), int()] as since}:
                    return self.uplink.nars_since(_moment(since))
        raise ValueError(f"not understood: {request}")


def _moment(numbers: Sequence[int]) -> Moment:
    connections, requests, questions = numbers
    return Moment(Mark(connections, requests), questions)


class _Conversation(socketserver.StreamRequestHandler):
    server: Control

    def handle(self) -> None:
        try:
            answer: object = {"answer": self.server.obey(json.loads(self.rfile.readline()))}
        except (ValueError, KeyError, TypeError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        except HarnessError as error:
            answer = {"error": str(error)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM; the service manager is told when everything listens."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as stack:
        empty = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        layers = {
            Layer.PACKAGES: arguments.packages or empty,
            Layer.SYSTEMS: arguments.systems or empty,
        }
        internet = Internet(
            BinaryCache(layers),
            SourceMirror({}),
            log_file=arguments.log,
            bind=(_EVERYWHERE, arguments.http_port),
        )
        names = NameServer({}, bind=(_EVERYWHERE, arguments.dns_port))
        address = arguments.address
        # A closed port of the node itself refuses; there is no other address that would.
        uplink = Uplink(internet, names, address=address, refusing=address)
        stack.enter_context(uplink)
        if arguments.upstream:
            stack.enter_context(Proxy((_EVERYWHERE, PROXY_PORT), internet.log))
        control = stack.enter_context(Control(arguments.control, uplink))
        _notify_ready()
        control.serve_forever()


def _notify_ready() -> None:
    """Tell systemd that the service is up (sd_notify(3)), where systemd runs it."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect("\0" + address[1:] if address.startswith("@") else address)
        notify.send(b"READY=1")


def ask(arguments: argparse.Namespace) -> None:
    """Send one request to the server that runs here and print its answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(arguments.control))
        with connection.makefile("rw") as lines:
            lines.write(arguments.request + "\n")
            lines.flush()
            sys.stdout.write(lines.readline())


def main(argv: Sequence[str] | None = None) -> None:
    """The program: ``python3 -m harness.internet.node``."""
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(required=True)
    server = verbs.add_parser("serve")
    server.set_defaults(work=serve)
    server.add_argument("--address", required=True, help="where the machine finds this node")
    server.add_argument("--packages", type=Path, help="folder of a binary cache")
    server.add_argument("--systems", type=Path, help="folder of a binary cache")
    server.add_argument("--upstream", action="store_true", help="pass requests on by a proxy")
    server.add_argument("--http-port", type=int, default=80)
    server.add_argument("--dns-port", type=int, default=53)
    server.add_argument("--log", type=Path, default=LOG)
    client = verbs.add_parser("ask")
    client.set_defaults(work=ask)
    client.add_argument("request", help="one JSON object")
    for verb in (server, client):
        verb.add_argument("--control", type=Path, default=CONTROL)
    arguments = parser.parse_args(argv)
    arguments.work(arguments)


if __name__ == "__main__":
    main()
