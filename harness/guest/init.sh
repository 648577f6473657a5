#!/bin/bash
# PID 1 of the embedded guest. Sets up what Nix needs, then opens the NixOS test driver's backdoor
# on the first virtio console (nixos/modules/testing/test-instrumentation.nix) and reaps orphans.
# When a step fails PID 1 ends, so the kernel panics and the host sees why. Applets are called by
# way of the static busybox: under emulation a dynamically linked program takes twice as long.
set -eu
export HOME=/root USER=root PAGER='' TERM=linux
export PATH=/run/current-system/sw/bin:/usr/bin:/usr/sbin:/bin

busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t tmpfs -o mode=755 tmpfs /run
busybox mkdir -p /dev/pts /dev/shm /dev/virtio-ports
busybox mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
busybox mount -t tmpfs -o mode=1777 tmpfs /dev/shm
busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup

# The second disk under the name that it has on every machine, whatever else is plugged in.
busybox ln -s vdb /dev/stick

# Memory running out ends the machine, visibly: a killed builder would look like a failed build.
echo 2 >/proc/sys/vm/panic_on_oom

# The disk is larger than the image by what the machine was given.
resize2fs /dev/vda >/dev/null

read -r name </etc/hostname
echo "$name" >/proc/sys/kernel/hostname
busybox ip link set lo up
if [[ -e /sys/class/net/eth0 ]]; then
    busybox ip addr add 10.0.2.15/24 dev eth0
    busybox ip link set eth0 up
    busybox ip route add default via 10.0.2.2
fi

# Ports are found by the name that the host gave them, as udev would do it.
for port in /sys/class/virtio-ports/*; do
    if [[ -e $port/name ]]; then
        read -r name <"$port/name"
        busybox ln -s "/dev/${port##*/}" "/dev/virtio-ports/$name"
    fi
done

# The console forgets its settings at the last close, so it stays open from here on.
exec 3<>/dev/hvc0
stty raw -echo <&3
cd /tmp
printf 'Spawning backdoor root shell...\n' >&3
busybox setsid bash --norc /dev/hvc0 <&3 >&3 2>/dev/ttyS0 3>&- &
wait || true
exec poweroff
