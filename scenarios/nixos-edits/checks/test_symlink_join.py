"""The joined package is on the path."""


def test_joined(host):
    assert "world" in host.check_output("joined-hello").lower()
