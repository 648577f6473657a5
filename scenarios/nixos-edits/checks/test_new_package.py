"""The new package is on the path."""


def test_new_package(host):
    assert "moo" in host.check_output("cowsay moo")
