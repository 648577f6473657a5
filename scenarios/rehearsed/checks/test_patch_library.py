"""A program that links the library runs with the patched one."""


def test_version_at_run_time(host):
    assert "zlib 1.3.1-patched" in host.check_output("file --version")
