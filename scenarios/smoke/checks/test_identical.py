"""The unchanged system is the one that runs, and it works."""


def test_current_system_is_the_profile(host):
    current = host.check_output("readlink -f /run/current-system")
    assert current == host.check_output("readlink -f /nix/var/nix/profiles/system")


def test_package_runs(host):
    assert host.check_output("hello") == "Hello, world!"


def test_host_name(host):
    assert host.check_output("cat /proc/sys/kernel/hostname") == "pocket"
