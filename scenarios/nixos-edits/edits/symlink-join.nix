# A package made with symlinkJoin (nixpkgs#16983: it began to need lndir).
{ pkgs, ... }:
{
  environment.systemPackages = [
    (pkgs.symlinkJoin {
      name = "joined";
      paths = [ pkgs.hello ];
      postBuild = "ln -s hello $out/bin/joined-hello";
    })
  ];
}
