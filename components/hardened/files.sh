# Replaces the files in /files, each by one rename, and only once all are complete beside them. Read by file-volume.ts, which adds
# a `put` and a `place` for each file, and the end. Runs in a helper container; paths and contents come as base64.
set -eu
umask 022
cd /files
rm -rf .next .placed
mkdir .next
# Nothing of a failed attempt stays, and what is served is still whole.
trap 'rm -rf .next' EXIT

# With ./ in front, so that no path is taken for an option.
path_of() { printf ./; printf %s "$1" | base64 -d; }
# $2 is the size in bytes: on a full disk, BusyBox's base64 ends with 0.
put() {
  path=.next/$(path_of "$1")
  mkdir -p "$(dirname "$path")"
  if ! base64 -d >"$path" || [ "$(wc -c <"$path" | tr -d ' ')" != "$2" ]; then
    echo 'the new files could not be written, so the old ones stay; check the disk space of the host' >&2
    exit 1
  fi
  chmod 444 "$path"
}
# By a link, so that .next keeps the list of all files.
place() {
  path=$(path_of "$1")
  folder=$(dirname "$path")
  if ! [ -d "$folder" ]; then
    # A file may have become a folder, and the other way round.
    above=$folder
    while [ "$above" != . ]; do
      if [ -f "$above" ]; then rm -f "$above"; fi
      above=$(dirname "$above")
    done
    mkdir -p "$folder"
  fi
  if [ -d "$path" ]; then rm -rf "$path"; fi
  ln ".next/$path" .placed
  mv -f .placed "$path"
}
remove_others() {
  find . -path ./.next -prune -o -type f -exec sh -c 'for path; do if ! [ -f ".next/$path" ]; then rm -f "$path"; fi; done' remove {} +
  find . -depth -type d -exec rmdir {} + 2>/dev/null || :
}
