# A rehearsal: any other patch. Nothing of it is built, so any file will do.
{
  nixpkgs.overlays = [
    (final: prev: {
      hello = prev.hello.overrideAttrs (old: {
        patches = old.patches or [ ] ++ [ ./motd.txt ];
      });
    })
  ];
}
