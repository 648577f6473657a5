"""The library is in the system path."""


def test_library(host):
    assert host.file("/run/current-system/sw/lib/libz.so.1").exists
