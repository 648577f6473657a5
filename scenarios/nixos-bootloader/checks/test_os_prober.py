"""The menu was written with it."""


def test_menu(host):
    assert host.file("/boot/grub/grub.cfg").exists
