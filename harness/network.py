"""The ways in which a machine can lose its network, each applied and proven.

The link is unplugged from outside wherever the mode allows it; what the guest then believes about
its network (an address, a route, a name server) is what tells the modes apart, and it changes
Nix's behaviour: with no address but the loopback's, Nix switches itself offline
(NixOS/nix, src/libutil: haveInternet).
"""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import MachineError
from harness.internet.uplink import ADDRESS, Moment, Uplink
from harness.machines.base import Link, Machine
from harness.machines.shell import command
from harness.results import Witness
from harness.scenario.model import NetworkMode

#: An address that never answers a datagram.
SILENT_ADDRESS = "10.0.2.3"

_RESOLV_CONF = f"nameserver {ADDRESS}\\noptions use-vc\\n"
_SILENT_RESOLV_CONF = f"nameserver {SILENT_ADDRESS}\\n"
_CACHE_INFO = "http://cache.internet/nix-cache-info"


def connect(machine: Machine, uplink: Uplink) -> Witness:
    """Bring the network up and prove it by a request that the internet's log shows."""
    uplink.open()
    machine.set_link(Link.UP)
    machine.succeed(f"printf '{_RESOLV_CONF}' > /etc/resolv.conf")
    before = uplink.now()
    machine.wait_until_succeeds(f"busybox wget -q -T 5 -O - {_CACHE_INFO} | grep -q StoreDir", 60)
    if not uplink.heard_since(before):
        raise MachineError(
            "the machine fetched from the cache, yet the internet's log did not see it",
            hint="the machine has another way out: refusing to go on",
        )
    return Witness("network-up", True, f"GET {_CACHE_INFO} succeeded and was logged")


def cut(machine: Machine, uplink: Uplink, mode: NetworkMode) -> None:
    """Take the network away; `cut_witness` proves it."""
    if mode is NetworkMode.REFUSED:
        uplink.refuse()
    else:
        machine.set_link(Link.DOWN)
    machine.succeed(_GUEST_SIDE[mode]())


def _lose_address() -> str:
    # What a DHCP client does when the carrier goes.
    return "ip addr flush dev eth0 && ip link set eth0 down"


def _unbind_driver() -> str:
    return (
        "device=$(basename $(readlink -f /sys/class/net/eth0/device))"
        " && echo $device > /sys/bus/virtio/drivers/virtio_net/unbind"
        " && ! test -e /sys/class/net/eth0"
    )


def _keep_names() -> str:
    return "true"


def _believe_in(address: str) -> str:
    # A neighbour entry that never expires: packets are sent, and vanish on the unplugged link.
    neighbour = "ip neigh replace %s lladdr 52:55:0a:00:02:64 dev eth0 nud permanent"
    return command(neighbour, address)


def _silence_names() -> str:
    return f"{_believe_in(SILENT_ADDRESS)} && printf '{_SILENT_RESOLV_CONF}' > /etc/resolv.conf"


def _swallow_packets() -> str:
    hosts = f"{ADDRESS} cache.internet mirror.internet"
    # The name still resolves, as from a caching resolver; /etc/hosts belongs to the system.
    return (
        f"{_believe_in(ADDRESS)}"
        f" && sed '' /etc/hosts > /run/hosts && echo '{hosts}' >> /run/hosts"
        " && mount --bind /run/hosts /etc/hosts"
    )


_GUEST_SIDE: dict[NetworkMode, Callable[[], str]] = {
    NetworkMode.DOWN: _lose_address,
    NetworkMode.NO_INTERFACE: _unbind_driver,
    NetworkMode.REFUSED: _keep_names,
    NetworkMode.DNS_DEAD: _silence_names,
    NetworkMode.BLACKHOLE: _swallow_packets,
}


def cut_witness(machine: Machine, uplink: Uplink, mode: NetworkMode, since: Moment) -> Witness:
    """Proof that nothing gets through now, and that nothing has since *since*."""
    links = machine.links()
    expected = Link.UP if mode is NetworkMode.REFUSED else Link.DOWN
    if not links or any(state is not expected for state in links.values()):
        return Witness("network-cut", False, f"links are {dict(links)}, expected {expected}")
    probe = machine.execute(
        f"busybox wget -q -T 1 -O /dev/null http://{ADDRESS}/nix-cache-info", timeout=10
    )
    if probe.status == 0:
        return Witness("network-cut", False, "a probe got through to the internet")
    heard = uplink.heard_since(since)
    if heard:
        return Witness("network-cut", False, f"the internet heard: {'; '.join(heard[:5])}")
    states = ", ".join(f"{card} {state}" for card, state in links.items())
    return Witness("network-cut", True, f"{states}; probe failed; internet's log silent")
