"""The new program runs."""


def test_new_program(host):
    assert "moo" in host.check_output("cowsay moo")
