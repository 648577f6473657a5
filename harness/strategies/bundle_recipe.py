"""A bundle of recipes alone: what survives when only the .drv files are carried along."""

from __future__ import annotations

from harness.machines.shell import command
from harness.results import Witness
from harness.strategies.base import STICK, Site, Strategy, valid_witness

_CACHE = f"{STICK}/recipe"
_FILE = f"{STICK}/recipe.tar"


class BundleRecipe(Strategy):
    """Copy the .drv closure to a file:// cache and pack it; recipes are not inputs."""

    name = "bundle-recipe"
    summary = "the .drv closure in one file, imported after the collection"
    uses_stick = True

    def protect(self, site: Site) -> None:
        """Write the bundle. `--derivation` is what 2.8 needs; later versions accept it."""
        url = f"file://{_CACHE}?compression=none"
        site.store.copy_to(url, [site.base_drv()], recipes=True)
        site.machine.succeed(command("tar -C %s -cf %s . && rm -r %s", _CACHE, _FILE, _CACHE))

    def restore(self, site: Site) -> None:
        """Unpack the file and copy all of it into the store; the paths are unsigned."""
        site.machine.succeed(
            command("mkdir %s && tar -C %s -xf %s", _CACHE, _CACHE, _FILE)
            + command(" && nix copy --no-check-sigs --all --from %s", f"file://{_CACHE}")
        )

    def applied(self, site: Site) -> Witness:
        """Every path that the bundle lists is valid now."""
        listed = site.machine.succeed(f"sed -n 's/^StorePath: //p' {_CACHE}/*.narinfo").split()
        return valid_witness(site, "imported recipes", listed)
