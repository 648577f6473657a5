"""What the stdenv made is there."""


def test_made(host):
    assert host.file("/etc/made").content_string == "made\n"
