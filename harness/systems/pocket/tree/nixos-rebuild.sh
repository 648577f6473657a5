#!/bin/sh
# nixos-rebuild build | switch | boot | test | dry-build [--rollback] [OPTION...]
#
# As NixOS's (nixos-rebuild(8)): makes the configuration of /etc/nixos a system, a generation of the
# system profile (switch, boot) and what runs now (switch, test). Standard output has the toplevel's
# path alone. Other options go to nix-build.
set -eu

profile=/nix/var/nix/profiles/system

usage() {
    echo "usage: nixos-rebuild build | switch | boot | test | dry-build [--rollback] [OPTION...]" >&2
    exit 2
}

[ $# -gt 0 ] || usage
action=$1
shift
case $action in
build | switch | boot | test | dry-build) ;;
*) usage ;;
esac

rollback=
# Goes through the arguments once; the others line up again in their order.
for argument; do
    shift
    if [ "$argument" = --rollback ]; then rollback=1; else set -- "$@" "$argument"; fi
done

if [ "$action" = dry-build ]; then
    exec nix-build '<nixpkgs/nixos>' -A system --dry-run "$@"
fi

if [ -n "$rollback" ]; then
    case $action in
    switch | boot) nix-env -p "$profile" --rollback >&2 ;;
    *)
        echo "nixos-rebuild: --rollback goes with switch and boot" >&2
        exit 2
        ;;
    esac
    toplevel=$(readlink -f "$profile")
else
    # Only `build` leaves a link, ./result, which keeps the system from being collected.
    [ "$action" = build ] || set -- --no-out-link "$@"
    toplevel=$(nix-build '<nixpkgs/nixos>' -A system "$@")
    case $action in
    switch | boot) nix-env -p "$profile" --set "$toplevel" >&2 ;;
    esac
fi

case $action in
switch | boot | test) "$toplevel/bin/switch-to-configuration" "$action" >&2 ;;
esac
echo "$toplevel"
