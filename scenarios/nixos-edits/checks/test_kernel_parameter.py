"""The next boot has the parameter."""


def test_parameter(host):
    assert host.file("/run/current-system/kernel-params").contains("mitigations=off")
