"""The initrd of the running system is the new one."""


def test_initrd(host):
    assert host.file("/run/current-system/initrd").exists
