"""The program is the new version."""


def test_version(host):
    assert "2.12.2" in host.check_output("hello --version")
