"""The tool runs from the system path."""


def test_tool(host):
    assert host.check_output("/run/current-system/sw/bin/jq -n '1 + 41'") == "42"
