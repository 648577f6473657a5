# Documentation on (nixpkgs#10490, #156213: 418 derivations to build).
{
  documentation = {
    enable = true;
    nixos.enable = true;
  };
}
