#!/bin/bash
# A layer over the whole machine for one cell, as PID 1 of process, mount and IPC name spaces of its
# own: what is written goes into memory, and is gone with the last process when the shell ends.
# The disks below have to be read-only by then (harness/machines/layers.py).
set -eu
export HARNESS_LAYER=$1
root=/mnt/root

overlay() { # NAME PLACE
    busybox mkdir -p "/mnt/$1/upper" "/mnt/$1/work" "$root"
    busybox mount -t overlay -o "lowerdir=$2,upperdir=/mnt/$1/upper,workdir=/mnt/$1/work" \
        overlay "$root$2"
}

mapfile -t mounts </proc/self/mounts
busybox mount -t tmpfs -o mode=755 tmpfs /mnt
for number in "${!mounts[@]}"; do
    read -r _ place type options _ <<<"${mounts[$number]}"
    case $place:$type in
    /:* | *:ext4)
        [[ $options == ro,* ]]
        overlay "$number" "$place"
        ;;
    /proc:proc) busybox mount -t proc proc "$root/proc" ;;
    *:sysfs | *:devtmpfs | *:devpts | *:cgroup2) busybox mount --bind "$place" "$root$place" ;;
    *)
        if [[ -d $place ]]; then
            overlay "$number" "$place"
        else # one file over another: a resolver's /etc/hosts
            busybox mount --bind "$place" "$root$place"
            busybox mount -o bind,remount,ro "$root$place"
        fi
        ;;
    esac
done

cd "$root"
busybox pivot_root . mnt
busybox umount -l /mnt
cd /tmp
exec bash --norc /dev/hvc0
