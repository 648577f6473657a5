# What Nix has to know of the scenario folders to make tests of them; tests hold it against them.
{
  nixos-smoke = {
    folder = ./nixos-smoke;
    edits = [
      "identical"
      "hosts"
      "hostname"
      "new-package"
    ];
    strategies = [
      "keep-outputs"
      "rehearsed"
    ];
  };
  nixos-bootloader = {
    folder = ./nixos-bootloader;
    edits = [
      "identical"
      "menu"
      "splash"
      "os-prober"
      "reinstall"
    ];
    strategies = [ "keep-outputs" ];
    machine.bootLoader = true;
  };
}
