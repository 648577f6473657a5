# Which provisions each network model can really give; others would be something else than they say.
{
  supported = {
    # The cache is made for the test and has all of it; what NixOS builds on every machine itself
    # (allowSubstitutes = false: the toplevel, /etc, units) is built here, too.
    hermetic = [
      "cached-all"
      "copied"
    ];
    # The public cache never has what depends on a configuration.
    real = [ "cached-packages" ];
  };
}
