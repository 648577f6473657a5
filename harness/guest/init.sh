#!/bin/bash
# PID 1 of the embedded guest. Sets up what Nix needs, then opens the NixOS test driver's backdoor
# on the first virtio console (nixos/modules/testing/test-instrumentation.nix) and reaps orphans.
export HOME=/root USER=root PAGER='' TERM=linux
export PATH=/run/current-system/sw/bin:/usr/bin:/usr/sbin:/bin

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup

# Memory running out ends the machine, visibly: a killed builder would look like a failed build.
echo 2 >/proc/sys/vm/panic_on_oom

# The disk is larger than the image by what the machine was given.
resize2fs /dev/vda >/dev/null 2>&1

read -r name </etc/hostname
hostname "$name"
ip link set lo up
if [[ -e /sys/class/net/eth0 ]]; then
    ip addr add 10.0.2.15/24 dev eth0
    ip link set eth0 up
    ip route add default via 10.0.2.2
fi

# Ports are found by the name that the host gave them, as udev would do it.
mkdir /dev/virtio-ports
for port in /sys/class/virtio-ports/*/; do
    [[ -e $port/name ]] && read -r name <"$port/name" && ln -s "/dev/$(basename "$port")" "/dev/virtio-ports/$name"
done

# The console forgets its settings at the last close, so it stays open from here on.
exec 3<>/dev/hvc0
stty raw -echo <&3
cd /tmp || exit
printf 'Spawning backdoor root shell...\n' >&3
setsid bash --norc /dev/hvc0 <&3 >&3 2>/dev/ttyS0 3>&- &
wait
exec poweroff
