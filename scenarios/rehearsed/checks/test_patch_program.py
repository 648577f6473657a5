"""The program behaves as the patch says."""


def test_greeting(host):
    assert host.check_output("hello") == "Hello, offline world!"
