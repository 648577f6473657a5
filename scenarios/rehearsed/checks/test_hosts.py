"""The new line is in /etc/hosts, and the old ones still are."""


def test_hosts(host):
    hosts = host.file("/etc/hosts")
    assert hosts.contains("^10.20.30.40 *printer.example$")
    assert hosts.contains("^192.168.7.1 *gateway.example$")
