# shellcheck shell=sh disable=SC2123 # a builder sees its inputs alone
# Read by every builder: paths from the inputs, and the phases of genericBuild. It starts as few
# processes as it can: the shell has its applets built in.

PATH=
NIX_CFLAGS_COMPILE=
NIX_LDFLAGS=
seenInputs=' '

addInputs() {
    for input; do
        case $seenInputs in *" $input "*) continue ;; esac
        seenInputs="$seenInputs$input "
        [ ! -d "$input/bin" ] || PATH="$PATH${PATH:+:}$input/bin"
        [ ! -d "$input/include" ] || NIX_CFLAGS_COMPILE="$NIX_CFLAGS_COMPILE -I$input/include"
        [ ! -d "$input/lib" ] || NIX_LDFLAGS="$NIX_LDFLAGS -L$input/lib -Wl,-rpath=$input/lib"
        # shellcheck disable=SC1091 # made by packages
        [ ! -f "$input/nix-support/setup-hook" ] || . "$input/nix-support/setup-hook"
        if [ -f "$input/nix-support/propagated-build-inputs" ]; then
            read -r propagated <"$input/nix-support/propagated-build-inputs"
            # shellcheck disable=SC2086 # store paths are words
            addInputs $propagated
        fi
    done
}

# Run the text of a variable, or the function of that name.
runPhase() {
    eval "phaseText=\${$1-}"
    if [ -n "$phaseText" ]; then eval "$phaseText"; else "$1"; fi
}

# Hooks may be left out.
runHook() {
    eval "hookText=\${$1-}"
    # shellcheck disable=SC2154 # the line before
    eval "$hookText"
}

unpackPhase() {
    # shellcheck disable=SC2154 # src comes from the derivation
    if [ -d "$src" ]; then cp -r "$src" source; else tar xf "$src"; fi
    cd ./*/ || exit
    chmod -R u+w .
}

patchPhase() {
    for patch in ${patches-}; do
        patch -p1 <"$patch"
    done
}

buildPhase() {
    # shellcheck disable=SC2154,SC2086 # pname and version come from the derivation; flags are words
    cc -O2 -DVERSION="\"$version\"" ${cFlags-} -o "$pname" ./*.c ${libraries-}
}

installPhase() {
    # shellcheck disable=SC2154 # Nix sets the outputs
    mkdir -p "$out/bin"
    cp "$pname" "$out/bin/"
}

# Whoever builds with `dev` gets `out` too.
fixupPhase() {
    if [ -n "${dev-}" ]; then
        mkdir -p "$dev/nix-support"
        echo "$out" >"$dev/nix-support/propagated-build-inputs"
    fi
}

genericBuild() {
    if [ -n "${buildCommandPath-}" ]; then
        # shellcheck disable=SC1090 # passAsFile
        . "$buildCommandPath"
    elif [ -n "${buildCommand-}" ]; then
        eval "$buildCommand"
    else
        [ -z "${src-}" ] || runPhase unpackPhase
        runPhase patchPhase
        runHook preBuild
        runPhase buildPhase
        runHook preInstall
        runPhase installPhase
        runHook postInstall
        runPhase fixupPhase
    fi
}

# shellcheck disable=SC2154,SC2086 # initialPath comes with this file; store paths are words
addInputs $initialPath
# shellcheck disable=SC2086
addInputs ${nativeBuildInputs-} ${buildInputs-}
export PATH NIX_CFLAGS_COMPILE NIX_LDFLAGS
