#!/usr/bin/env bash
# The bundle starts without anything of the host's: with an empty environment from another folder, and, where a root may
# be changed, in a folder that holds nothing else.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$(cd "$(dirname "$0")/../.." && pwd)
if grep -Eq 'lib(a|t)san' <<<"$(ldd "$LOSSLENS")"; then echo "skipped: a sanitizer's build is not bundled"; exit 77; fi
"$root/tools/bundle" "$(dirname "$LOSSLENS")" "$work/bundle.tar.gz" >/dev/null
mkdir -p "$work/jail/tmp"
tar -C "$work/jail" -xzf "$work/bundle.tar.gz"
name=$(cd "$work/jail" && echo losslens-*)
printf '3,1,2\n4,0,5\n6,7,1\n' >"$work/jail/tmp/field.csv"

try() { # a way to start it, then the folder as it sees it
  local where=$1
  shift
  [ "$("$@" "$where/$name/losslens" --version)" = "$("$LOSSLENS" --version)" ] || { echo "version: $*"; exit 1; }
  "$@" "$where/$name/losslens" topology "$where/tmp/field.csv" --json --figure "$where/tmp/tree.pdf" >"$work/got.json" || { echo "topology: $*"; exit 1; }
  "$LOSSLENS" topology "$work/jail/tmp/field.csv" --json >"$work/wanted.json"
  cmp <(sed 's/"field":"[^"]*"//' "$work/got.json") <(sed 's/"field":"[^"]*"//' "$work/wanted.json")
  grep -aq 'DejaVuSans' "$work/jail/tmp/tree.pdf" || { echo "the figure's font is missing: $*"; exit 1; }
  rm "$work/jail/tmp/tree.pdf"
}
cd /
try "$work/jail" env -i
ln -s "$work/jail/$name/losslens" "$work/link"
[ "$(env -i "$work/link" --version)" = "$("$LOSSLENS" --version)" ] || { echo "it does not start through a link"; exit 1; }
if [ "$(id -u)" = 0 ] && chroot "$work/jail" "/$name/losslens" --version >/dev/null 2>&1; then
  try "" chroot "$work/jail"
elif unshare -r chroot "$work/jail" "/$name/losslens" --version >/dev/null 2>&1; then
  try "" unshare -r chroot "$work/jail"
else
  echo "the changed root was not tried: neither root nor user namespaces here"
fi
