"""The unchanged system runs, with the hosts that evaluation imported."""


def test_site(host):
    assert host.file("/etc/hosts").contains("^10.1.0.1 *site-a.example$")


def test_package_runs(host):
    assert host.check_output("hello") == "Hello, world!"
