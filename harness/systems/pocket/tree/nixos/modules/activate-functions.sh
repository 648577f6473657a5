# shellcheck shell=sh disable=SC2034 # the fragments that follow use it
# The activation script begins with this. The shell has its applets built in, and finds them first.
systemConfig=@out@
PATH=@busybox@/bin:$PATH

# Make a link appear under its name at once, whatever was there before.
put_link() {
    ln -sfn "$1" "$2.new"
    mv -fT "$2.new" "$2"
}

# /etc/static → the system's etc; /etc/NAME → /etc/static/NAME, or a copy where there is a mode.
# Nothing is forked for what is as it should be: most of it is, in every activation.  Another
# system is linked even if its etc is the same, since the earlier one may be collected.
setup_etc() {
    if ! [ /run/current-system -ef "$systemConfig" ] || ! [ /etc/static -ef "$1" ]; then
        put_link "$1" /etc/static
        remove_stale_links
    fi
    copies=
    setup_folder /etc/static ""
    remove_copies "$copies"
}

# What is below $1, under names that begin with $2.
setup_folder() {
    for entry in "$1"/* "$1"/.[!.]*; do
        name=$2${entry##*/}
        if [ -d "$entry" ] && ! [ -L "$entry" ]; then
            [ -d "/etc/$name" ] || mkdir -p "/etc/$name"
            setup_folder "$entry" "$name/"
        elif [ -L "$entry" ]; then
            setup_entry "$entry" "$name"
        fi
    done
}

setup_entry() {
    if [ -e "$1.mode" ]; then
        read -r mode <"$1.mode"
        cp -L "$1" "/etc/$2.new"
        chmod "$mode" "/etc/$2.new"
        mv -fT "/etc/$2.new" "/etc/$2"
        copies="$copies$2
"
    elif ! [ -L "/etc/$2" ] || ! [ "/etc/$2" -ef "$1" ]; then
        put_link "$1" "/etc/$2"
    fi
}

# Links into /etc/static whose file is gone.
remove_stale_links() {
    find /etc -type l | while read -r link; do
        if ! [ -e "$link" ]; then
            case $(readlink "$link") in
            /etc/static/*) rm "$link" ;;
            esac
        fi
    done
}

# Copies that are not wanted any more; /etc/.clean lists those of the last activation.
remove_copies() {
    if [ -s /etc/.clean ]; then
        while read -r name; do
            case "$1" in
            *"$name
"*) ;;
            *) [ -L "/etc/$name" ] || rm -f "/etc/$name" ;; # it may have become a link
            esac
        done </etc/.clean
    fi
    if [ -n "$1" ] || [ -s /etc/.clean ]; then printf %s "$1" >/etc/.clean; fi
}

# A service is a daemon with its process id in /run/NAME.pid. A process that has ended but still
# has an entry there has no command line any more.
is_running() {
    [ -s "/run/$1.pid" ] && read -r pid <"/run/$1.pid" && grep -qs "$1" "/proc/$pid/cmdline"
}

# Its ports are free only when it is gone.
stop_service() {
    is_running "$1" || return 0
    kill "$pid"
    tries=0
    while is_running "$1"; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ]; then
            echo "$1 does not stop" >&2
            exit 1
        fi
        sleep 0.1
    done
    rm -f "/run/$1.pid" "/run/$1.command"
}

