"""What Nix knows: its commands, its derivations, its database, and questions about them."""
