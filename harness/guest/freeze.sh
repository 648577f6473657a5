#!/bin/bash
# Makes the machine ready for layers (layer.sh): ends the daemons of the running system, which every
# layer starts anew, makes all disks read-only, and writes down what a layer mounts.
# Prints how many daemons there were. Status 3: something else runs or writes, which a layer would
# lack.
set -eu
shopt -s nullglob

# The children of PID 1, but for the shell behind the backdoor: what earlier commands left running.
# Processes that have ended have no command line.
left_running() {
    local pid words children
    read -r -a children </proc/1/task/1/children || true # it has no end of line
    for pid in "${children[@]}"; do
        mapfile -d '' -t words <"/proc/$pid/cmdline" || continue
        if [[ ${#words[@]} -gt 0 && ${words[*]} != "bash --norc /dev/hvc0" ]]; then
            echo "$pid"
        fi
    done 2>/dev/null
}

end_daemons() {
    local daemons=() running=() file pid # they write it into /run/NAME.pid
    for file in /run/*.pid; do
        daemons+=("$(<"$file")")
    done
    for pid in $(left_running); do
        [[ " ${daemons[*]} " == *" $pid "* ]] || exit 3
        running+=("$pid")
    done
    echo "${#running[@]}"
    [[ ${#running[@]} -gt 0 ]] || return 0
    kill "${running[@]}"
    busybox rm -f /run/*.pid
    for _ in {1..1000}; do
        if [[ -z $(left_running) ]]; then return 0; fi
        busybox sleep 0.01
    done
    exit 3
}

# The folders below /mnt that a layer needs, its mounts as a table (fstab(5)), and the single files
# that are mounted over others, as a resolver's /etc/hosts.
describe_layer() {
    local root=/mnt/root place type options number
    folders=("$root")
    table=""
    for number in "${!mounts[@]}"; do
        read -r _ place type options _ <<<"${mounts[$number]}"
        case $place:$type in
        /proc:proc) table+="proc $root/proc proc defaults"$'\n' ;;
        *:sysfs | *:devtmpfs | *:devpts | *:cgroup2) table+="$place $root$place none bind"$'\n' ;;
        *)
            if [[ -d $place ]]; then
                folders+=("/mnt/$number/upper" "/mnt/$number/work")
                options="lowerdir=$place,upperdir=/mnt/$number/upper,workdir=/mnt/$number/work"
                table+="overlay $root$place overlay $options"$'\n'
            else
                echo "$place"
            fi
            ;;
        esac
    done >/run/layer.files
    echo "${folders[*]}" >/run/layer.folders
    echo -n "$table" >/run/layer.table
}

[[ -r /proc/1/task/1/children ]] || exit 3 # a kernel without CONFIG_PROC_CHILDREN
end_daemons
sorted=$(busybox sort -s -k 2,2 /proc/self/mounts) # what is below comes first
mapfile -t mounts <<<"$sorted"
for mount in "${mounts[@]}"; do
    read -r _ place type _ <<<"$mount"
    if [[ $type == ext4 ]]; then
        busybox mount -o remount,ro "$place" || exit 3
    fi
done
describe_layer
