# A small module system: what NixOS's does for the options of this tree (nixpkgs, lib/modules.nix).
# Differences: an option is declared once, types do not nest declarations (no freeform types), and
# modules are found again by path only.
lib:
let
  inherit (builtins)
    all attrNames concatMap filter foldl' functionArgs head intersectAttrs isAttrs isFunction isPath
    isString listToAttrs mapAttrs removeAttrs sort tail;

  structural = [ "imports" "options" "config" "_file" "key" "meta" "disabledModules" ];

  # A path, a function or a set → { file, key, imports, options, config }.
  load = args: parent: module:
    let
      fromFile = isPath module || isString module || module ? outPath;
      file = if fromFile then toString module else value._file or parent;
      imported = if fromFile then import module else module;
      value = if isFunction imported
        then imported (intersectAttrs (functionArgs imported) args)
        else imported;
      explicit = value ? config || value ? options;
      stray = attrNames (removeAttrs value structural);
    in
    if !isAttrs value then throw "Module `${file}' is neither a set nor a function that gives one."
    else if explicit && stray != [ ] then
      throw "Module `${file}' has an unsupported attribute `${head stray}'. This is caused by introducing a top-level `config' or `options' attribute. Add configuration attributes immediately on the top level instead, or move all of them (namely: ${toString stray}) into the explicit `config' attribute."
    else {
      inherit file;
      key = if fromFile then file else null;
      imports = value.imports or [ ];
      options = value.options or { };
      config = if explicit then value.config or { } else removeAttrs value structural;
    };

  # The modules and all that they import, each file once, importers first.
  collect = args: modules:
    let
      go = seen: parent: list: foldl' (found: module:
        let it = load args parent module; in
        if it.key != null && found.keys ? ${it.key} then found
        else go {
          keys = found.keys // (if it.key == null then { } else { ${it.key} = true; });
          modules = found.modules ++ [ it ];
        } it.file it.imports) seen list;
    in (go { keys = { }; modules = [ ]; } "<unknown-file>" modules).modules;

  mergeDeclarations = path: declarations:
    builtins.zipAttrsWith (name: found:
      let
        loc = path ++ [ name ];
        isOption = filter (declaration: lib.isOption declaration.value) found;
      in
      if isOption == [ ]
      then mergeDeclarations loc (map (it: { inherit (it) file; set = it.value; }) found)
      else if builtins.length found > 1
      then throw "The option `${lib.showOption loc}' in `${(head found).file}' is already declared in `${(head (tail found)).file}'."
      else { type = lib.types.unspecified; } // (head found).value
        // { inherit loc; declaredIn = (head found).file; })
    (map (it: mapAttrs (_: value: { inherit (it) file; inherit value; }) it.set) declarations);

  # { file, value } with properties around the value → a list of them whose values are plain sets;
  # conditions and priorities move inwards, so that attribute names never depend on them.
  pushDown = def:
    let
      inherit (def) value;
      property = value._type or null;
      inward = wrap: concatMap (inner: [ { inherit (def) file; value = mapAttrs (_: wrap) inner.value; } ])
        (pushDown (def // { value = value.content; }));
    in
    if property == "merge" then concatMap (content: pushDown (def // { value = content; })) value.contents
    else if property == "if" then inward (lib.mkIf value.condition)
    else if property == "override" then inward (lib.mkOverride value.priority)
    else if property == "order" then inward (lib.mkOrder value.priority)
    else if isAttrs value then [ def ]
    else throw "In `${def.file}': expected an attribute set of options, not ${builtins.typeOf value}.";

  # { file, value } with properties → those that hold, as { file, value, priority, order }.
  discharge = def:
    let
      inherit (def) value;
      property = if isAttrs value then value._type or null else null;
      inner = discharge (def // { value = value.content; });
    in
    if property == "merge" then concatMap (content: discharge (def // { value = content; })) value.contents
    else if property == "if" then (if value.condition then inner else [ ])
    else if property == "override" then map (it: it // { inherit (value) priority; }) inner
    else if property == "order" then map (it: it // { order = value.priority; }) inner
    else [ ({ priority = 100; order = 1000; } // def) ];

  winners = defs:
    let
      strongest = foldl' (low: def: if def.priority < low then def.priority else low) 9999 defs;
      kept = filter (def: def.priority == strongest) defs;
    in
    if all (def: def.order == 1000) kept then kept
    else sort (a: b: a.order < b.order) kept;

  # The value of something of *type* from its definitions; both options and their elements.
  evalDefinitions = type: loc: defs:
    let
      kept = winners (concatMap discharge defs);
      wrong = filter (def: !type.check def.value) kept;
      show = def: "\n- In `${def.file}': ${builtins.typeOf def.value}"
        + (if builtins.elem (builtins.typeOf def.value) [ "int" "bool" "string" "null" ]
           then " ${builtins.toJSON def.value}" else "");
    in
    if wrong != [ ]
    then throw "A definition for option `${lib.showOption loc}' is not of type `${type.name}'. Definition values:${builtins.concatStringsSep "" (map show wrong)}"
    else if kept != [ ] then type.merge loc kept
    else if type ? empty then type.empty
    else throw "The option `${lib.showOption loc}' is used but not defined.";

  evalOption = option: defs:
    let
      default = { file = option.declaredIn; value = lib.mkOptionDefault option.default; };
      value = evalDefinitions option.type option.loc
        (defs ++ (if option ? default then [ default ] else [ ]));
    in
    if option.readOnly or false && builtins.length defs > 1
    then throw "The option `${lib.showOption option.loc}' is read-only, but it's set multiple times."
    else (option.apply or (x: x)) value;

  # The tree of options and the definitions → { config, unknown }; *unknown* lists what is defined
  # without being declared.
  evalTree = path: options: defs:
    let
      plain = concatMap pushDown defs;
      below = name: concatMap (def:
        if def.value ? ${name} then [ { inherit (def) file; value = def.value.${name}; } ] else [ ]) plain;
      branches = mapAttrs (name: option:
        if lib.isOption option
        then { config = evalOption option (below name); unknown = [ ]; }
        else evalTree (path ++ [ name ]) option (below name)) options;
      strays = concatMap (def: map (name: { inherit (def) file; loc = path ++ [ name ]; })
        (attrNames (removeAttrs def.value (attrNames options)))) plain;
    in {
      config = mapAttrs (_: branch: branch.config) branches;
      unknown = strays ++ concatMap (name: branches.${name}.unknown) (attrNames branches);
    };

  evalModules = { modules, specialArgs ? { }, prefix ? [ ] }:
    let
      args = { inherit lib options; inherit (result) config; } // specialArgs;
      loaded = collect args modules;
      options = mergeDeclarations prefix (map (it: { inherit (it) file; set = it.options; }) loaded);
      result = evalTree prefix options (map (it: { inherit (it) file; value = it.config; }) loaded);
      complain = stray: throw "The option `${lib.showOption stray.loc}' does not exist. Definition values:\n- In `${stray.file}'";
    in {
      inherit options;
      config = if result.unknown == [ ] then result.config else complain (head result.unknown);
    };
in
{ inherit evalModules evalDefinitions pushDown discharge; }
