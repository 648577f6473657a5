#!/bin/bash
# Makes the machine ready for layers (layer.sh): ends the daemons of the running system, which every
# layer starts anew, and makes all disks read-only. Prints how many daemons there were.
# Status 3: something else runs or writes, which a layer would lack.
set -eu
shopt -s nullglob

# The children of PID 1, but for the shell behind the backdoor: what earlier commands left running.
# Kernel threads and processes that have ended have no command line.
left_running() {
    local folder stat
    for folder in /proc/[1-9]*; do
        { read -r stat <"$folder/stat" && mapfile -d '' -t words <"$folder/cmdline"; } 2>/dev/null || continue
        read -r _ parent _ <<<"${stat##*) }"
        if [[ $parent -eq 1 && ${#words[@]} -gt 0 && ${words[*]} != "bash --norc /dev/hvc0" ]]; then
            echo "${folder#/proc/}"
        fi
    done
}

daemons=()
for file in /run/*.pid; do
    daemons+=("$(<"$file")")
done
running=()
for pid in $(left_running); do
    if [[ " ${daemons[*]} " != *" $pid "* ]]; then
        exit 3
    fi
    running+=("$pid")
done
if [[ ${#running[@]} -gt 0 ]]; then
    kill "${running[@]}"
    for _ in {1..100}; do
        left=$(left_running)
        if [[ -z $left ]]; then break; fi
        busybox sleep 0.1
    done
    [[ -z $left ]] || exit 3
fi

while read -r _ place type _; do
    if [[ $type == ext4 ]]; then
        busybox mount -o remount,ro "$place" || exit 3
    fi
done </proc/self/mounts
echo "${#running[@]}"
