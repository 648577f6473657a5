#!/bin/bash
# A layer over the whole machine for one cell, as PID 1 of process, mount and IPC name spaces of its
# own: what is written goes into memory, and is gone with the last process when the shell ends.
# The disks below have to be read-only by then (harness/machines/layers.py).
set -eu
export HARNESS_LAYER=$1
root=/mnt/root

mapfile -t mounts </proc/self/mounts
busybox mount -t tmpfs -o mode=755 tmpfs /mnt
folders=("$root")
files=()
table=""

# All mounts are made by one process: under emulation, starting one takes longer than they do.
add() { # WHAT PLACE TYPE OPTIONS
    table+="$1 $root$2 $3 $4"$'\n'
}

overlay() { # NAME PLACE
    folders+=("/mnt/$1/upper" "/mnt/$1/work")
    add overlay "$2" overlay "lowerdir=$2,upperdir=/mnt/$1/upper,workdir=/mnt/$1/work"
}

for number in "${!mounts[@]}"; do
    read -r _ place type options _ <<<"${mounts[$number]}"
    case $place:$type in
    /:* | *:ext4)
        [[ $options == ro,* ]]
        overlay "$number" "$place"
        ;;
    /proc:proc) add proc /proc proc defaults ;;
    *:sysfs | *:devtmpfs | *:devpts | *:cgroup2) add "$place" "$place" none bind ;;
    *)
        if [[ -d $place ]]; then
            overlay "$number" "$place"
        else # one file over another: a resolver's /etc/hosts
            files+=("$place")
        fi
        ;;
    esac
done

busybox mkdir -p "${folders[@]}"
echo -n "$table" >/mnt/table
busybox mount -a -T /mnt/table
for place in "${files[@]}"; do
    busybox mount --bind "$place" "$root$place"
    busybox mount -o remount,bind,ro "$root$place"
done
cd "$root"
busybox pivot_root . mnt
busybox umount -l /mnt
cd /tmp
exec bash --norc /dev/hvc0
