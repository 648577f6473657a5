"""The embedded machine's guest: Debian's kernel, Nix and a few programs, with an own init."""
