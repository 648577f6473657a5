"""The menu has no picture."""


def test_menu(host):
    assert not host.file("/boot/grub/grub.cfg").contains("background_image")
