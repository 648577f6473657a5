"""The new line is in /etc/hosts."""


def test_hosts(host):
    hosts = host.file("/etc/hosts")
    assert hosts.contains("^10.20.30.40 *printer.example$")
