"""The interface knows its peer."""


def test_peer(host):
    assert "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=" in host.check_output("wg show wg0 peers")
