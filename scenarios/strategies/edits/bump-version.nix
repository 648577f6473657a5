# A new version of a program: a source that nobody has yet.
{
  nixpkgs.overlays = [
    (final: prev: {
      hello = prev.hello.overrideAttrs {
        version = "2.12.2";
        src = prev.fetchurl {
          url = "http://mirror.internet/hello-2.12.2.tar";
          hash = "sha256-e2Cb8NxwooiZZOZW90d3ilhM81NoaFNJtR+PsHyxRHE=";
        };
        patches = [ ];
      };
    })
  ];
}
