# The part of nixpkgs' lib that the package set, the NixOS modules and scenarios use, under the
# same names (nixpkgs, lib/default.nix).
let
  lib = basic // options // {
    inherit types;
    inherit (modules) evalModules evalDefinitions pushDown discharge;
  };

  options = import ./options.nix lib;
  types = import ./types.nix lib;
  modules = import ./modules.nix lib;

  basic = rec {
    inherit (builtins)
      all any attrNames attrValues concatLists concatMap concatStringsSep elem elemAt filter
      filterSource foldl' functionArgs genList groupBy hasAttr head intersectAttrs isAttrs isBool
      isFunction isInt isList isString length listToAttrs map mapAttrs match partition readFile
      removeAttrs replaceStrings sort splitVersion stringLength substring tail toJSON toString
      toFile zipAttrsWith isPath isFloat fromJSON trace seq deepSeq compareVersions;

    id = x: x;
    const = x: _: x;
    flip = f: a: b: f b a;
    pipe = builtins.foldl' (value: f: f value);
    fix = f: let x = f x; in x;

    # An overlay is a function of the final and of the previous package set.
    extends = overlay: base: final:
      let prev = base final; in prev // overlay final prev;
    composeExtensions = f: g: final: prev:
      let step = f final prev; in step // g final (prev // step);
    composeManyExtensions = foldr composeExtensions (_: _: { });

    foldr = op: nul: list:
      let
        len = builtins.length list;
        go = n: if n == len then nul else op (builtins.elemAt list n) (go (n + 1));
      in go 0;

    optional = cond: x: if cond then [ x ] else [ ];
    optionals = cond: xs: if cond then xs else [ ];
    optionalString = cond: s: if cond then s else "";
    optionalAttrs = cond: set: if cond then set else { };
    toList = x: if builtins.isList x then x else [ x ];
    flatten = x: if builtins.isList x then builtins.concatMap flatten x else [ x ];
    unique = builtins.foldl' (seen: x: if builtins.elem x seen then seen else seen ++ [ x ]) [ ];
    imap1 = f: list: builtins.genList (n: f (n + 1) (builtins.elemAt list n)) (builtins.length list);
    last = list: builtins.elemAt list (builtins.length list - 1);

    nameValuePair = name: value: { inherit name value; };
    mapAttrs' = f: set: builtins.listToAttrs (mapAttrsToList f set);
    mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);
    filterAttrs = keep: set:
      builtins.removeAttrs set
        (builtins.filter (name: !keep name set.${name}) (builtins.attrNames set));
    genAttrs = names: f: builtins.listToAttrs (map (name: nameValuePair name (f name)) names);
    attrByPath = path: default: set:
      if path == [ ] then set
      else if set ? ${builtins.head path}
      then attrByPath (builtins.tail path) default set.${builtins.head path}
      else default;
    isDerivation = x: x.type or null == "derivation";

    concatMapStringsSep = sep: f: list: builtins.concatStringsSep sep (map f list);
    concatStrings = builtins.concatStringsSep "";
    concatMapStrings = concatMapStringsSep "";
    hasPrefix = prefix: s: builtins.substring 0 (builtins.stringLength prefix) s == prefix;
    hasSuffix = suffix: s:
      let
        lenS = builtins.stringLength s;
        lenSuffix = builtins.stringLength suffix;
      in lenS >= lenSuffix && builtins.substring (lenS - lenSuffix) lenSuffix s == suffix;
    removeSuffix = suffix: s:
      if hasSuffix suffix s
      then builtins.substring 0 (builtins.stringLength s - builtins.stringLength suffix) s
      else s;
    boolToString = b: if b then "true" else "false";
    escapeShellArg = arg: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString arg)}'";
    escapeShellArgs = concatMapStringsSep " " escapeShellArg;

    # A dot in a name must not look like two names: networking.hosts."10.0.0.1".
    showOption = concatMapStringsSep "." (name:
      if builtins.match "[A-Za-z_][A-Za-z0-9_'-]*" name != null then name else builtins.toJSON name);

    getOutput = output: pkg: if !pkg ? outputSpecified then pkg.${output} or pkg else pkg;
    getDev = getOutput "dev";
    getLib = getOutput "lib";
    getBin = getOutput "bin";
    getName = pkg: pkg.pname or (builtins.parseDrvName pkg.name).name;
    getVersion = pkg: pkg.version or (builtins.parseDrvName pkg.name).version;
    getExe = pkg: "${getBin pkg}/bin/${pkg.meta.mainProgram or (getName pkg)}";

    # `override` gives the result of f with other arguments, here and in packages' files.
    makeOverridable = f: args:
      let
        result = f args;
        override = changes: makeOverridable f
          (args // (if builtins.isFunction changes then changes args else changes));
      in if builtins.isAttrs result then result // { inherit override; } else result;
    callPackageWith = scope: file: args:
      let f = if builtins.isFunction file then file else import file; in
      makeOverridable f (builtins.intersectAttrs (builtins.functionArgs f) scope // args);
  };
in
lib
