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
# Links into /etc/static whose file is gone, and copies that are not wanted any more, go too.
# Nothing is forked for what is as it should be: most of it is, in every activation.
setup_etc() {
    put_link "$1" /etc/static
    copies=
    for entry in $(cd "$1" && find . ! -type d ! -name '*.mode'); do
        name=${entry#./}
        case $name in
        */*) [ -d "/etc/${name%/*}" ] || mkdir -p "/etc/${name%/*}" ;;
        esac
        if [ -e "$1/$name.mode" ]; then
            read -r mode <"$1/$name.mode"
            cp -L "$1/$name" "/etc/$name.new"
            chmod "$mode" "/etc/$name.new"
            mv -fT "/etc/$name.new" "/etc/$name"
            copies="$copies$name
"
        elif ! [ -L "/etc/$name" ] || ! [ "/etc/$name" -ef "/etc/static/$name" ]; then
            put_link "/etc/static/$name" "/etc/$name"
        fi
    done
    find /etc -type l | while read -r link; do
        if ! [ -e "$link" ]; then
            case $(readlink "$link") in
            /etc/static/*) rm "$link" ;;
            esac
        fi
    done
    remove_copies "$copies"
}

# /etc/.clean lists the copies of the last activation.
remove_copies() {
    if [ -e /etc/.clean ]; then
        while read -r name; do
            case "$1" in
            *"$name
"*) ;;
            *) rm -f "/etc/$name" ;;
            esac
        done </etc/.clean
    fi
    printf %s "$1" >/etc/.clean
}

# A service is a daemon with its process id in /run/NAME.pid. A process that has ended but still
# has an entry there has no command line any more.
is_running() {
    [ -s "/run/$1.pid" ] && read -r pid <"/run/$1.pid" && grep -qs "$1" "/proc/$pid/cmdline"
}

# Its ports are free only when it is gone.
stop_service() {
    if is_running "$1"; then kill "$(cat "/run/$1.pid")"; fi
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

