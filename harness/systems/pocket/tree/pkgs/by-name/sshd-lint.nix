# What only builds need: judges an sshd_config without keys and privileges.
{ stdenv, openssh }:
stdenv.mkDerivation {
  pname = "sshd-lint";
  inherit (openssh) version src;
  buildPhase = "cc -o sshd-lint lint.c servconf.c";
  installPhase = ''
    mkdir -p $out/bin
    cp sshd-lint $out/bin/
  '';
}
