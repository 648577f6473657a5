# A configuration as the machine will evaluate it: `import <nixpkgs/nixos>` with the machine's own
# module, so that paths computed here are those that are computed there.
{
  nixpkgs,
  system,
  settings,
  host ? null, # { flake; host; }: its configuration is the base, as flake-host.nix has it
}:
modules:
let
  own = [ (import ./guest.nix settings) ] ++ modules;
  extended = host.flake.nixosConfigurations.${host.host}.extendModules { modules = own; };
in
if host == null then
  import "${nixpkgs}/nixos" {
    inherit system;
    configuration.imports = own;
  }
else
  {
    inherit (extended) config options pkgs;
    system = extended.config.system.build.toplevel;
  }
