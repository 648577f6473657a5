#!/usr/bin/busybox sh
# shellcheck shell=dash
# A layer over the whole machine for one cell, as PID 1 of process, mount and IPC name spaces of its
# own: what is written goes into memory, and is gone with the last process when the shell ends.
# The disks below are read-only by then (freeze.sh, which also wrote down what to mount).
#
# layer NUMBER [COMMAND]: COMMAND is run in the layer first. What all layers share (the mounts below,
# the network's addresses and routes, proc(5)) goes to the backdoor's answers (backdoor.py), and
# "layer NUMBER" when all is ready.
#
# Under emulation starting a program takes longer than what it does: the applets are built into
# this shell, and all mounts are made by one of them.
set -eu
export HARNESS_LAYER="$1"
root=/mnt/root
trap 'echo "layer $HARNESS_LAYER: failed" >&4' EXIT # but for the last line

cat /proc/self/mounts /proc/net/fib_trie /proc/net/route >&4

mount -t tmpfs -o mode=755 tmpfs /mnt
read -r folders </run/layer.folders
# shellcheck disable=SC2086 # several
mkdir -p $folders
mount -a -T /run/layer.table
while read -r place; do
    mount --bind "$place" "$root$place"
    mount -o remount,bind,ro "$root$place"
done </run/layer.files
cd "$root"
pivot_root . mnt
umount -l /mnt
cd /tmp
if [ $# -gt 1 ]; then "$2" </dev/null >&2 4>&-; fi
echo "layer $1" >&4
exec bash --norc /dev/hvc0
