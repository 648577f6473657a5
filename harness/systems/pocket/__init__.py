"""The pocket system: a miniature NixOS that the embedded tier rebuilds."""
