# shellcheck shell=sh disable=SC2154 # the first fragment sets it
# The activation script ends with this.
[ /run/current-system -ef "$systemConfig" ] || put_link "$systemConfig" /run/current-system
