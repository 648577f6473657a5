# A rehearsal: any other change to the setup of the stdenv.
{
  nixpkgs.overlays = [
    (final: prev: {
      stdenv = prev.stdenv.override (old: {
        preHook = (old.preHook or "") + "\nexport PLACEHOLDER=1\n";
      });
    })
  ];
}
