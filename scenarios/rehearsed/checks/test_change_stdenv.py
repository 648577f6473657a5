"""What runs was built again: no earlier generation has this program."""

_OLDEST_FIRST = "readlink -f $(ls -v -d /nix/var/nix/profiles/system-*-link/sw/bin/hello)"


def test_program_is_another(host):
    current = host.check_output("readlink -f /run/current-system/sw/bin/hello")
    *earlier, latest = host.check_output(_OLDEST_FIRST).split()
    assert latest == current
    assert earlier
    assert current not in earlier


def test_program_runs(host):
    assert host.check_output("hello") == "Hello, world!"
