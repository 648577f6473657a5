"""The message of the day is the new file."""


def test_motd(host):
    assert host.file("/etc/motd").content_string.startswith("All aboard")
