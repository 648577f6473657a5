# A change to the setup of the stdenv: everything is built again.
{
  nixpkgs.overlays = [
    (final: prev: {
      stdenv = prev.stdenv.override (old: {
        preHook = (old.preHook or "") + "\nexport SOURCE_DATE_EPOCH=2\n";
      });
    })
  ];
}
