#!@shell@
# shellcheck shell=sh disable=SC2239 # the build names the shell
# Runs the seed's tcc with its own loader and libraries, against the C library in the store.
tools=@tools@
musl=@musl@
begin="$tools/musl/lib/crt1.o"
end="-L$musl/lib -lc $tools/lib/tcc/libtcc1.a"
for argument; do
    case $argument in
    -shared) begin='' ;;
    -c) begin='' end='' NIX_LDFLAGS='' ;;
    esac
done
# tcc writes this into a program as its loader.
export LD_SO="$musl/lib/libc.so"
# shellcheck disable=SC2086 # flags are words
exec "$tools/lib/ld-linux-x86-64.so.2" --library-path "$tools/lib" "$tools/bin/tcc" \
    -B"$tools/lib/tcc" -nostdinc -I"$tools/lib/tcc/include" -I"$tools/musl/include" -nostdlib \
    $begin "$@" ${NIX_CFLAGS_COMPILE-} ${NIX_LDFLAGS-} $end
