"""Proves whether a Nix or NixOS machine can still rebuild after garbage collection, offline."""

__version__ = "0.1.0"
