"""What runs was built again: no earlier generation has this program."""

_EVERY_GENERATION = "readlink -f /nix/var/nix/profiles/system-*-link/sw/bin/hello"


def test_program_is_another(host):
    current = host.check_output("readlink -f /run/current-system/sw/bin/hello")
    generations = host.check_output(_EVERY_GENERATION).split()
    assert len(generations) >= 2
    assert generations.count(current) == 1


def test_program_runs(host):
    assert host.check_output("hello") == "Hello, world!"
