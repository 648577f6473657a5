#!/bin/sh
# Runs from the initramfs: loads what Debian's cloud kernel has as modules, then hands over to the
# root file system on the first disk.
export PATH=/bin
for module in failover net_failover virtio_net virtio_blk virtio-rng; do
    busybox insmod "/modules/$module.ko" || exec busybox poweroff -f
done
busybox mount -t devtmpfs devtmpfs /dev
busybox mount -t ext4 -o noatime,noinit_itable /dev/vda /root || exec busybox poweroff -f
busybox mount --move /dev /root/dev
exec busybox switch_root /root /init
