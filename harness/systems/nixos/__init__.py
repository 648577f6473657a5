"""NixOS itself: the Nix files of the tests, and the system's commands in the machine."""
