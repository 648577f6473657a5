"""The editor's configuration is the new one."""


def test_nanorc(host):
    nanorc = host.file("/etc/nanorc")
    assert nanorc.contains("^set tabsize 2$")
    assert nanorc.contains("^set linenumbers$")


def test_editor_starts(host):
    assert host.run("nano --version").succeeded
