# From two files, a static busybox and an archive with a C compiler and a C library, to a shell, a
# libc and a compiler (as nixpkgs, pkgs/stdenv/linux does it from its bootstrap-files).
{ system, seed }:
let
  pins = builtins.fromJSON (builtins.readFile seed);

  # <nix/fetchurl.nix>: Nix itself downloads, so there are no inputs at all.
  fetchurl = { url, hash, name ? baseNameOf (toString url), unpack ? false }:
    derivation {
      builder = "builtin:fetchurl";
      system = "builtin";
      inherit name url unpack;
      outputHash = hash;
      outputHashAlgo = "sha256";
      outputHashMode = if unpack then "recursive" else "flat";
      preferLocalBuild = true;
      urls = [ url ];
      executable = false;
    } // { inherit url; };

  busyboxSeed = fetchurl (pins.busybox // { unpack = true; });
  seedArchive = fetchurl pins.seed;

  # Debian's static busybox runs its applets without any PATH.
  fromSeed = name: attrs: script: derivation (attrs // {
    inherit name system;
    builder = "${busyboxSeed}/bin/sh";
    args = [ "-euc" script ];
  });

  bootstrapTools = fromSeed "bootstrap-tools" { archive = seedArchive; } ''
    mkdir $out
    cd $out
    tar xf $archive
  '';

  # The shell of builders and of the running system.
  busybox = fromSeed "busybox-1.37.0" { seed = busyboxSeed; } ''
    cp -r $seed $out
  '' // { pname = "busybox"; version = "1.37.0"; };

  # The C library that programs refer to at run time; headers stay with the compiler.
  musl = fromSeed "musl-1.2.5" { tools = bootstrapTools; } ''
    mkdir -p $out/lib
    cp $tools/musl/lib/libc.so $out/lib/libc.so
    ln -s libc.so $out/lib/ld-musl-x86_64.so.1
  '' // { pname = "musl"; version = "1.2.5"; };

  # A wrapper that knows where the libc is, like nixpkgs' cc-wrapper.
  tinycc = fromSeed "tinycc-wrapper-0.9.27" { tools = bootstrapTools; wrapper = ./cc.sh; inherit musl busybox; } ''
    mkdir -p $out/bin
    sed "s|@tools@|$tools|g; s|@musl@|$musl|g; s|@shell@|$busybox/bin/sh|g" $wrapper > $out/bin/cc
    chmod +x $out/bin/cc
  '' // { pname = "tinycc"; version = "0.9.27"; };
in
{ inherit fetchurl busyboxSeed seedArchive bootstrapTools busybox musl tinycc; }
