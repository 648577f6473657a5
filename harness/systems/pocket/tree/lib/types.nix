# Types of options: what a definition may be, and how several definitions become one value
# (nixpkgs, lib/types.nix).
lib:
let
  inherit (builtins) isAttrs isBool isFunction isInt isList isPath isString;

  mkType = type: { merge = mergeEqual; } // type // { _type = "option-type"; };

  showFiles = defs: lib.concatMapStringsSep "" (def: "\n- In `${def.file}'") defs;
  mergeOne = loc: defs:
    if builtins.length defs == 1 then (builtins.head defs).value
    else throw "The option `${lib.showOption loc}' is defined multiple times while it's expected to be unique.\nDefinition values:${showFiles defs}\nUse `lib.mkForce value' or `lib.mkDefault value' to change the priority on any of these definitions.";
  mergeEqual = loc: defs:
    let first = (builtins.head defs).value; in
    if builtins.all (def: def.value == first) (builtins.tail defs) then first
    else throw "The option `${lib.showOption loc}' has conflicting definition values:${showFiles defs}\nUse `lib.mkForce value' or `lib.mkDefault value' to change the priority on any of these definitions.";
  mergeWith = sep: _: defs: lib.concatMapStringsSep sep (def: def.value) defs;

  isStringLike = x: isString x || isPath x || (isAttrs x && (x ? outPath || x ? __toString));
  # Each element or attribute is an option of its own, so nested mkIf and mkForce work.
  element = type: loc: defs: lib.evalDefinitions type loc defs;
in
rec {
  bool = mkType { name = "boolean"; check = isBool; };
  int = mkType { name = "signed integer"; check = isInt; };
  str = mkType { name = "string"; check = isString; };
  lines = mkType { name = "strings concatenated with \"\\n\""; check = isString; merge = mergeWith "\n"; };
  path = mkType {
    name = "absolute path";
    check = x: isStringLike x && builtins.substring 0 1 (toString x) == "/";
  };
  package = mkType {
    name = "package";
    check = x: lib.isDerivation x || (isStringLike x && lib.hasPrefix builtins.storeDir (toString x));
    merge = mergeOne;
  };
  pathInStore = package // { name = "path in the Nix store"; };
  raw = mkType { name = "raw value"; check = _: true; merge = mergeOne; };
  unspecified = raw // { name = "unspecified value"; };
  anything = mkType {
    name = "anything";
    check = _: true;
    merge = loc: defs:
      if builtins.all (def: isAttrs def.value && !lib.isDerivation def.value) defs
      then (attrsOf anything).merge loc defs
      else mergeEqual loc defs;
  };
  attrs = mkType {
    name = "attribute set";
    check = isAttrs;
    merge = _: builtins.foldl' (set: def: set // def.value) { };
  };
  functionTo = _: mkType { name = "function"; check = isFunction; merge = mergeOne; };
  overlay = functionTo attrs // { name = "nixpkgs overlay"; };

  ints = rec {
    between = low: high: mkType {
      name = "integer between ${toString low} and ${toString high} (both inclusive)";
      check = x: isInt x && x >= low && x <= high;
    };
    unsigned = mkType { name = "unsigned integer, meaning >=0"; check = x: isInt x && x >= 0; };
    positive = mkType { name = "positive integer, meaning >0"; check = x: isInt x && x > 0; };
    u16 = between 0 65535 // { name = "16 bit unsigned integer; between 0 and 65535 (both inclusive)"; };
  };
  port = ints.u16;

  strMatching = pattern: mkType {
    name = "string matching the pattern ${pattern}";
    check = x: isString x && builtins.match pattern x != null;
  };
  enum = values: mkType {
    name = "one of ${lib.concatMapStringsSep ", " builtins.toJSON values}";
    check = x: builtins.elem x values;
  };
  nullOr = type: mkType {
    name = "null or ${type.name}";
    check = x: x == null || type.check x;
    merge = loc: defs:
      if builtins.all (def: def.value == null) defs then null
      else if builtins.any (def: def.value == null) defs then mergeEqual loc defs
      else type.merge loc defs;
  };
  either = a: b: mkType {
    name = "${a.name} or ${b.name}";
    check = x: a.check x || b.check x;
    merge = loc: defs:
      if builtins.all (def: a.check def.value) defs then a.merge loc defs
      else if builtins.all (def: b.check def.value) defs then b.merge loc defs
      else mergeEqual loc defs;
  };
  oneOf = alternatives: builtins.foldl' either (builtins.head alternatives) (builtins.tail alternatives);
  coercedTo = from: coerce: to: mkType {
    name = "${to.name} or ${from.name} convertible to it";
    check = x: to.check x || (from.check x && to.check (coerce x));
    merge = loc: defs:
      to.merge loc (map (def: def // {
        value = if from.check def.value then coerce def.value else def.value;
      }) defs);
  };

  listOf = type: mkType {
    name = "list of ${type.name}";
    check = isList;
    empty = [ ];
    merge = loc: defs: builtins.concatMap (def:
      lib.imap1 (n: value:
        element type (loc ++ [ "[definition ${toString n}-entry]" ]) [ { inherit (def) file; inherit value; } ])
      def.value) defs;
  };
  attrsOf = type: mkType {
    name = "attribute set of ${type.name}";
    check = x: isAttrs x && !lib.isDerivation x;
    empty = { };
    merge = loc: defs:
      let
        all = builtins.zipAttrsWith (_: values: values)
          (map (def: builtins.mapAttrs (_: value: { inherit (def) file; inherit value; }) def.value)
            (builtins.concatMap lib.pushDown defs));
        # An attribute that mkIf takes away must not exist.
        live = builtins.mapAttrs (_: builtins.concatMap lib.discharge) all;
      in
      builtins.mapAttrs (name: values: element type (loc ++ [ name ]) values)
        (lib.filterAttrs (_: values: values != [ ]) live);
  };
  lazyAttrsOf = attrsOf;

  submodule = module: mkType {
    name = "submodule";
    check = x: isAttrs x || isFunction x || isPath x;
    empty = { };
    merge = loc: defs: (lib.evalModules {
      modules = lib.toList module ++ map (def: { _file = def.file; imports = [ def.value ]; }) defs;
      specialArgs.name = lib.last loc;
      prefix = loc;
    }).config;
  };
}
