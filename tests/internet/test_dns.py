"""The name server: real sockets, and answers to malformed questions."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from harness.internet.dns import NameServer

NAMES = {"cache.internet": "10.0.2.100"}


def question(name: str, kind: int = 1) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    header = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0)
    return header + labels + b"\0" + struct.pack(">HH", kind, 1)


def code(reply: bytes) -> int:
    return int(struct.unpack_from(">H", reply, 2)[0] & 0xF)


def test_a_known_name_has_its_address() -> None:
    reply = NameServer(NAMES).answer(question("Cache.Internet"))
    assert code(reply) == 0
    assert reply.endswith(bytes([10, 0, 2, 100]))


def test_another_type_of_a_known_name_is_empty_and_no_error() -> None:
    reply = NameServer(NAMES).answer(question("cache.internet", kind=28))
    assert code(reply) == 0
    assert struct.unpack_from(">H", reply, 6) == (0,)


def test_an_unknown_name_does_not_exist() -> None:
    assert code(NameServer(NAMES).answer(question("example.invalid"))) == 3


def test_every_question_is_kept() -> None:
    server = NameServer(NAMES)
    server.answer(question("cache.internet"))
    server.answer(question("example.invalid"))
    assert server.questions() == ["cache.internet", "example.invalid"]


@given(st.binary(max_size=64))
def test_no_message_breaks_the_server(message: bytes) -> None:
    assert len(NameServer(NAMES).answer(message)) >= 12


def test_it_serves_over_tcp_and_refuses_when_shut() -> None:
    with NameServer(NAMES) as server:
        with socket.create_connection(("127.0.0.1", server.port), 5) as peer:
            message = question("cache.internet")
            peer.sendall(struct.pack(">H", len(message)) + message)
            reply = peer.recv(512)
        assert reply.endswith(bytes([10, 0, 2, 100]))
        port = server.port
        server.shut()
        with socket.socket() as peer:
            assert peer.connect_ex(("127.0.0.1", port)) != 0
        server.open()
        assert server.port == port
