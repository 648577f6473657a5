# shellcheck shell=sh
# switch-to-configuration switch | boot | test | dry-activate. There is no boot loader to install:
# what boots is the profile.
toplevel=@out@
case ${1-} in
switch | test) exec "$toplevel/activate" ;;
boot) ;;
dry-activate) echo "would activate $toplevel" >&2 ;;
*)
    echo "usage: $0 switch | boot | test | dry-activate" >&2
    exit 1
    ;;
esac
