"""The kernel and /etc know the new host name."""


def test_host_name(host):
    assert host.check_output("cat /proc/sys/kernel/hostname") == "renamed"
    assert host.file("/etc/hostname").content_string.strip() == "renamed"
