# A rehearsal: any other patch to the library.
{
  nixpkgs.overlays = [
    (final: prev: {
      zlib = prev.zlib.overrideAttrs (old: {
        patches = old.patches or [ ] ++ [ ./motd.txt ];
      });
    })
  ];
}
