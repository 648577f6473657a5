{
  outputs = _: {
    nixosModules.default.environment.etc."from-flake".text = "yes\n";
  };
}
