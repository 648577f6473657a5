"""The ways in which a machine can lose its network, each applied and proven.

The link is unplugged from outside wherever the mode allows it; what the guest then believes about
its network (an address, a route, a name server) is what tells the modes apart, and it changes
Nix's behaviour: with no address but the loopback's, Nix switches itself offline
(NixOS/nix, src/libutil: haveInternet).
"""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import MachineError
from harness.internet.reach import Moment, Reach
from harness.machines.base import Link, Machine
from harness.machines.shell import command
from harness.results import Witness
from harness.scenario.model import NetworkMode

_CACHE_INFO = "http://cache.internet/nix-cache-info"


def connect(machine: Machine, uplink: Reach) -> Witness:
    """Bring the network up and prove it by a request that the internet's log shows."""
    reconnect(machine, uplink)
    before = uplink.now()
    machine.wait_until_succeeds(
        f"printf 'nameserver {uplink.address}\\noptions use-vc\\n' > /etc/resolv.conf"
        f" && {{ {_fetch(_CACHE_INFO, 5)}; }} | grep StoreDir > /dev/null",
        60,
    )
    if not uplink.heard_since(before):
        raise MachineError(
            "the machine fetched from the cache, yet the internet's log did not see it",
            hint="the machine has another way out: refusing to go on",
        )
    return Witness("network-up", True, f"GET {_CACHE_INFO} succeeded and was logged")


def reconnect(machine: Machine, uplink: Reach) -> None:
    """Bring the network up for a machine that has proved it before, and was restored since.

    What is done next needs it: without a network it would fail, and never pass.
    """
    uplink.open()
    machine.set_link(Link.UP)


def _fetch(url: str, seconds: int) -> str:
    """A command that prints what is at *url*, with what the guest has: NixOS curl, ours busybox."""
    return (
        f"if command -v curl > /dev/null; then curl -sSf -m {seconds} {url};"
        f" else busybox wget -q -T {seconds} -O - {url}; fi"
    )


def cut(machine: Machine, uplink: Reach, mode: NetworkMode) -> None:
    """Take the network away; `cut_witness` proves it."""
    if mode is NetworkMode.REFUSED:
        uplink.refuse()
    else:
        machine.set_link(Link.DOWN)
    machine.succeed(_GUEST_SIDE[mode](uplink))


def _lose_address(uplink: Reach) -> str:
    # What a DHCP client does when the carrier goes.
    return f"ip addr flush dev {uplink.card} && ip link set {uplink.card} down"


def _unbind_driver(uplink: Reach) -> str:
    return (
        f"device=$(basename $(readlink -f /sys/class/net/{uplink.card}/device))"
        " && echo $device > /sys/bus/virtio/drivers/virtio_net/unbind"
        f" && ! test -e /sys/class/net/{uplink.card}"
    )


def _keep_names(_uplink: Reach) -> str:
    return "true"


def _believe_in(address: str, card: str) -> str:
    # A neighbour entry that never expires: packets are sent, and vanish on the unplugged link.
    neighbour = "ip neigh replace %s lladdr 52:55:0a:00:02:64 dev %s nud permanent"
    return command(neighbour, address, card)


def _silence_names(uplink: Reach) -> str:
    silent = uplink.address.rpartition(".")[0] + ".3"  # on the same network, where nobody is
    believed = _believe_in(silent, uplink.card)
    return f"{believed} && printf 'nameserver {silent}\\n' > /etc/resolv.conf"


def _swallow_packets(uplink: Reach) -> str:
    hosts = f"{uplink.address} cache.internet mirror.internet"
    # The name still resolves, as from a caching resolver; /etc/hosts belongs to the system.
    return (
        f"{_believe_in(uplink.address, uplink.card)}"
        f" && sed '' /etc/hosts > /run/hosts && echo '{hosts}' >> /run/hosts"
        " && mount --bind /run/hosts /etc/hosts"
    )


_GUEST_SIDE: dict[NetworkMode, Callable[[Reach], str]] = {
    NetworkMode.DOWN: _lose_address,
    NetworkMode.NO_INTERFACE: _unbind_driver,
    NetworkMode.REFUSED: _keep_names,
    NetworkMode.DNS_DEAD: _silence_names,
    NetworkMode.BLACKHOLE: _swallow_packets,
}


def cut_witness(machine: Machine, uplink: Reach, mode: NetworkMode, since: Moment) -> Witness:
    """Proof that nothing gets through now, and that nothing has since *since*."""
    links = machine.links()
    expected = Link.UP if mode is NetworkMode.REFUSED else Link.DOWN
    if not links or any(state is not expected for state in links.values()):
        return Witness("network-cut", False, f"links are {dict(links)}, expected {expected}")
    probe = machine.execute(
        _fetch(f"http://{uplink.address}/nix-cache-info", 1) + " > /dev/null", timeout=10
    )
    if probe.status == 0:
        return Witness("network-cut", False, "a probe got through to the internet")
    heard = uplink.heard_since(since)
    if heard:
        return Witness("network-cut", False, f"the internet heard: {'; '.join(heard[:5])}")
    states = ", ".join(f"{card} {state}" for card, state in links.items())
    return Witness("network-cut", True, f"{states}; probe failed; internet's log silent")
