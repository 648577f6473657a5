"""It was installed again."""


def test_installed(host):
    assert host.file("/boot/installed-again").exists
