"""The initrd of the running system holds the module, and what that depends on."""

import pytest


@pytest.mark.parametrize("module", ["loop", "dm_mod", "dm_crypt"])
def test_initrd(host, module):
    assert host.file("/run/current-system/initrd").contains(f"name={module}")
