"""The service runs with its new configuration."""

import pytest


def test_configuration(host):
    configuration = host.file("/etc/ssh/sshd_config")
    assert configuration.contains("^MaxAuthTries 3$")
    assert configuration.contains("^PermitRootLogin no$")


@pytest.mark.parametrize("port", [22, 2222])
def test_listens(host, port):
    assert host.socket(f"tcp://0.0.0.0:{port}").is_listening
