# shellcheck shell=sh
# wrapProgram PROGRAM [--set NAME VALUE | --set-default NAME VALUE | --prefix NAME SEP VALUE
#                      | --add-flags FLAGS]...
# The program moves to .PROGRAM-wrapped; a script that sets its environment takes its place.
wrapProgram() {
    wrapped=$1
    hidden=${wrapped%/*}/.${wrapped##*/}-wrapped
    shift
    # A link, as symlinkJoin makes them, keeps its target; a real file moves.
    mv "$wrapped" "$hidden"
    makeWrapper "$hidden" "$wrapped" "$@"
}

makeWrapper() {
    original=$1
    wrapper=$2
    shift 2
    flags=
    {
        echo '#!@shell@'
        while [ $# -gt 0 ]; do
            case $1 in
            --set) echo "export $2='$3'" && shift 3 ;;
            --set-default) echo "export $2=\"\${$2-$3}\"" && shift 3 ;;
            --prefix) echo "export $2='$4'\"\${$2:+$3}\${$2-}\"" && shift 4 ;;
            --add-flags) flags="$flags $2" && shift 2 ;;
            *) echo "makeWrapper: unknown argument $1" >&2 && return 1 ;;
            esac
        done
        echo "exec '$original'$flags \"\$@\""
    } >"$wrapper"
    chmod +x "$wrapper"
}
