"""The user is there."""


def test_user(host):
    assert host.user("alice").exists
