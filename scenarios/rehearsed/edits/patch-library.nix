# A patch to a library: the programs that link it are built again.
{
  nixpkgs.overlays = [
    (final: prev: {
      zlib = prev.zlib.overrideAttrs (old: {
        patches = old.patches or [ ] ++ [ ./zlib-version.patch ];
      });
    })
  ];
}
