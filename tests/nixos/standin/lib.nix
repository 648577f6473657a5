# The module system is the pocket system's, whose own tests hold it to NixOS's behaviour; beside it
# the functions of nixpkgs's lib that our files call.
let
  pocket = import ./pocket-lib; # put there by the tests
in
pocket
// rec {
  version = "24.11-standin";
  trivial.revisionWithDefault = default: default;
  platforms.linux = [ "x86_64-linux" ];
  licenses.mit.spdxId = "MIT";
  getExe = drv: "${drv}/bin/${drv.meta.mainProgram}";
  importTOML = file: fromTOML (builtins.readFile file);
  assertMsg = condition: message: condition || throw message;
  literalExpression = text: { inherit text; };
  removePrefix =
    prefix: text:
    if pocket.hasPrefix prefix text then
      builtins.substring (builtins.stringLength prefix) (-1) text
    else
      text;
  splitString =
    separator: text: builtins.filter builtins.isString (builtins.split separator text);
  inherit (builtins) fromTOML;
}
