"""The module of the flake is in force."""


def test_module(host):
    assert host.file("/etc/from-flake").content_string == "yes\n"
