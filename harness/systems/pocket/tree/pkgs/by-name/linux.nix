# A kernel image and modules for the boot files. The machine itself boots another kernel.
{ stdenv, fetchzip }:
stdenv.mkDerivation rec {
  pname = "linux";
  version = "6.12";
  src = fetchzip {
    url = "http://mirror.internet/linux-${version}.tar";
    hash = "sha256-0J/zwejAr90C8a74CJwXF4npTrmixcbFnu/PlwbQRRQ=";
  };
  outputs = [ "out" "modules" ];
  buildPhase = ''
    cc -DVERSION="\"$version\"" -o bzImage kernel.c
    while IFS=: read -r object _; do
      cc -DVERSION="\"$version\"" -c -o $object ''${object%.ko}.c
    done < modules.dep
  '';
  installPhase = ''
    mkdir -p $out $modules/lib/modules/$version
    cp bzImage $out/
    cp *.ko modules.dep $modules/lib/modules/$version/
  '';
}
