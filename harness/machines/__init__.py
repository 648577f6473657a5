"""Where a system runs: one protocol, one file per implementation."""
