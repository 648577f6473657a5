"""Finding the commit that broke a rebuild, by `git bisect run` in a worktree of its own."""
