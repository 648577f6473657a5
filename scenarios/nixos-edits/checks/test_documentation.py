"""The manual is there."""


def test_manual(host):
    assert host.file("/run/current-system/sw/share/doc/nixos").exists
