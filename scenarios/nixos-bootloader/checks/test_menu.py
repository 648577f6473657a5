"""The menu is the new one."""


def test_menu(host):
    assert host.file("/boot/grub/grub.cfg").contains("timeout=17")
