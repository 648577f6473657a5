"""The new line is in /etc/hosts."""


def test_hosts(host):
    assert host.file("/etc/hosts").contains("^10.20.30.40 printer.example$")
