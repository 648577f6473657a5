"""The file is there."""


def test_file(host):
    assert host.file("/etc/licensed-copy").contains("nobody may pass on")
