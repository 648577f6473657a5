#!/bin/sh
# Runs from the initramfs: loads what Debian's cloud kernel has as modules, then hands over to the
# root file system on the first disk. Without one it says so, which is how KVM is tried out
# (harness/machines/accelerator.py).
export PATH=/bin
for module in failover net_failover virtio_net virtio_blk virtio-rng overlay; do
    busybox insmod "/modules/$module.ko"
done
busybox mount -t devtmpfs devtmpfs /dev
if busybox mount -t ext4 -o noatime,noinit_itable /dev/vda /root 2>/dev/null; then
    busybox mount --move /dev /root/dev
    exec busybox switch_root /root /init
fi
echo 'harness: no root file system'
exec busybox poweroff -f
