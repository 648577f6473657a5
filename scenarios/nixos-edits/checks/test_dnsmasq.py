"""The service runs with its new configuration."""

import re


def test_dnsmasq(host):
    assert host.service("dnsmasq").is_running
    started = host.check_output("systemctl show -p ExecStart dnsmasq")
    configuration = re.search(r"/nix/store/\S*dnsmasq\.conf", started)
    assert host.file(configuration.group()).contains("intranet.example")
