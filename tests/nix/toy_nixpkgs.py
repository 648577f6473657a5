"""An installed Nix with a store of its own, and a package set that plays nixpkgs in it."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from harness.nix.command import nix

#: A system in miniature behind nixpkgs' own entry points (``<nixpkgs/nixos>``).
#: Its one source is "downloaded" by a fixed-output derivation from a file that tests take away.
NIXOS = r"""
{ configuration ? <nixos-config> }:
let
  load = m: if builtins.isAttrs m then m else load (import m);
  flat = m: let l = load m; in [ l ] ++ builtins.concatMap flat (l.imports or [ ]);
  evaluate = modules: let
    all = builtins.concatMap flat modules;
    get = name: default: builtins.foldl' (a: m: m.${name} or a) default all;
    sum = name: builtins.concatMap (m: m.${name} or [ ]) all;
    mk = name: args: derivation ({
      inherit name; system = builtins.currentSystem or "x86_64-linux"; builder = "/bin/sh";
      args = [ "-c" "echo ${name} $keep > $out" ];
    } // args);
    source = mk "lint.tar" {
      outputHashAlgo = "sha256"; outputHashMode = "flat";
      outputHash = "@hash@";
      args = [ "-c" "read line < @mirror@; echo \"$line\" > $out" ];
    };
    lib = mk "lib" { outputs = [ "out" "dev" ]; args = [ "-c" "echo > $out; echo > $dev" ]; };
    lint = mk "lint" { inherit source; dev = lib.dev; };
    hello = mk "hello" { keep = lib; dev = lib.dev; };
    etc = mk "etc" { hosts = get "hosts" "localhost"; inherit lint; keep = hello; };
    data = mk "data.nix" { inherit lint; args = [ "-c" "echo '\"imported\"' > $out" ]; };
    extra = builtins.concatMap (m: (m.system or { }).extraDependencies or [ ]) all;
    toplevel = mk "nixos-system" {
      motd = if get "ifd" false then import data else "none";
      fetched = toString (map (f: import f) (sum "fetch"));
      packages = map (name: { inherit hello lint lib; }.${name}) (sum "packages");
      keep = "${etc} ${toString extra}";
    };
  in {
    config.system.build.toplevel = toplevel;
    system = toplevel;
    extendModules = more: evaluate (modules ++ more.modules);
  };
in evaluate [ configuration ]
"""
FLAKE = """
{ outputs = { self }: { nixosConfigurations.laptop =
    import ./nixos.nix { configuration = { hosts = "of the flake"; }; }; }; }
"""
#: What the mirror has, on one line.
SOURCE = "source"


class ToyNix:
    """Nix with a store, a state and settings of its own, and nothing to substitute from."""

    def __init__(self, place: Path) -> None:
        self.place = place.resolve()  # Nix refuses a store behind a symbolic link
        for name in ("store", "state/profiles", "etc", "home", "nixpkgs/nixos", "flake"):
            (self.place / name).mkdir(parents=True)
        # What is valid here may be substituted into a store that only evaluates.
        (self.place / "etc" / "nix.conf").write_text(
            "build-users-group =\nsandbox = false\nsubstituters =\n"
            "experimental-features = nix-command flakes\n"
        )
        self.mirror = self.place / "mirror"
        self.online()
        text = NIXOS.replace("@hash@", sha256(f"{SOURCE}\n".encode()).hexdigest()).replace(
            "@mirror@", str(self.mirror)
        )
        (self.place / "nixpkgs/nixos/default.nix").write_text(text)
        (self.place / "flake/nixos.nix").write_text(text)
        (self.place / "flake/flake.nix").write_text(FLAKE)

    def environment(self) -> dict[str, str]:
        """What makes the installed Nix use it."""
        own = {
            "NIX_STORE_DIR": self.store,
            "NIX_STATE_DIR": self.state,
            "NIX_LOCALSTATE_DIR": self.place / "var",
            "NIX_LOG_DIR": self.place / "log",
            "NIX_CONF_DIR": self.place / "etc",
            "HOME": self.place / "home",
            "XDG_CACHE_HOME": self.place / "home" / "cache",
        }
        path = f"nixpkgs={self.place}/nixpkgs"
        return {**{name: str(place) for name, place in own.items()}, "NIX_PATH": path}

    @property
    def store(self) -> Path:
        return self.place / "store"

    @property
    def state(self) -> Path:
        return self.place / "state"

    def online(self) -> None:
        """The source can be had."""
        self.mirror.write_text(f"{SOURCE}\n")

    def offline(self) -> None:
        """It cannot."""
        self.mirror.unlink()

    def configuration(self, *files: Path) -> str:
        return f"{{ imports = [ {' '.join(map(str, files))} ]; }}"

    def instantiate(self, *files: Path) -> str:
        words = ["nix-instantiate", "<nixpkgs/nixos>", "-A", "system"]
        return nix([*words, "--arg", "configuration", self.configuration(*files)]).strip()

    def build(self, *files: Path) -> str:
        words = ["nix-build", "--no-out-link", "<nixpkgs/nixos>", "-A", "system"]
        return nix([*words, "--arg", "configuration", self.configuration(*files)]).strip()

    def switch(self, output: str) -> None:
        nix(["nix-env", "-p", str(self.state / "profiles" / "system"), "--set", output])

    def collect(self) -> None:
        nix(["nix-collect-garbage", "-d"])

    def names(self) -> set[str]:
        """The names of all paths in the store."""
        entries = (entry.name for entry in self.store.iterdir())
        return {name[33:] for name in entries if name[32:33] == "-"}

    def is_valid(self, paths: Iterable[str]) -> bool:
        return not nix(["nix-store", "--check-validity", "--print-invalid", *paths]).split()
