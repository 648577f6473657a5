# A patch to a program's source.
{
  nixpkgs.overlays = [
    (final: prev: {
      hello = prev.hello.overrideAttrs (old: {
        patches = old.patches or [ ] ++ [ ./hello-greeting.patch ];
      });
    })
  ];
}
