"""The machine still runs."""


def test_running(host):
    assert host.service("multi-user.target").is_running
