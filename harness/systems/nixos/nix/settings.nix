# The facts that the machine's configuration, the internet node and the engine have to agree on.
# Plain data: the machine gets them as JSON.
{
  memory ? 4096, # MiB
  cores ? 2,
  disk ? 16384, # MiB
  stick ? 8192, # MiB
  bootLoader ? false,
  network ? "hermetic",
}:
assert builtins.elem network [
  "hermetic"
  "real"
];
{
  inherit
    memory
    cores
    disk
    stick
    bootLoader
    network
    ;
  # Virtio disks in the order of `virtualisation.qemu.drives`: root, the store's image, then ours.
  stickDevice = if bootLoader then "vdb" else "vdc";
  card = "eth1"; # of the first VLAN (nixos/lib/testing/network.nix)
  # 192.168.VLAN.NODE, where nodes are numbered by name: internet, machine.
  internetAddress = "192.168.1.1";
  machineAddress = "192.168.1.2";
  proxyPort = 3128; # harness/internet/node.py
}
