"""The package is gone from the path."""


def test_package(host):
    assert not host.exists("hello")
    assert host.exists("file")
