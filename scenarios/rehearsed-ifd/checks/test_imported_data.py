"""The system's hosts come from the new data."""


def test_sites(host):
    hosts = host.file("/etc/hosts")
    assert hosts.contains("^10.1.0.1 *site-a.example$")
    assert hosts.contains("^10.2.0.1 *site-b.example$")
