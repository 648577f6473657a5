"""The machine has its new name."""


def test_name(host):
    assert host.check_output("hostname") == "renamed"
