# The source trees of flakes and of all their inputs, each once.
flakes:
let
  add =
    seen: one:
    if builtins.elem one.outPath seen then
      seen
    else
      builtins.foldl' add (seen ++ [ one.outPath ]) (builtins.attrValues (one.inputs or { }));
in
builtins.foldl' add [ ] flakes
