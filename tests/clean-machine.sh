#!/usr/bin/env bash
# The README's two commands, as printed, on a machine that has nothing but Node and npm, for the tests also the usual tools
# of a shell: a folder with these and a fresh clone of the committed files becomes the root of everything that runs. Needs Linux, root, git, util-linux, iproute2.
#
#   tests/clean-machine.sh            npm ci with this machine's network, then each command with it and without any network
#   tests/clean-machine.sh KEEP       the same, and leaves the folder KEEP behind to look into
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "clean-machine: chroot and namespaces take root" >&2; exit 2; }

if [ $# -gt 0 ]; then
  mkdir "$1"
  root=$(realpath "$1")
else
  root=$(mktemp -d)
  # Mounts are made in a namespace of their own, so nothing of the machine is below it here.
  trap 'rm -rf --one-file-system "$root"' EXIT
fi

# A program, and the libraries it says it needs, at the same paths.
give() {
  local program library
  for program in "$@"; do
    cp --parents -L "$program" "$root"
    { ldd "$program" 2>/dev/null || true; } | { grep -o '/[^ ]*' || true; } | while read -r library; do
      cp --parents -L "$library" "$root"
    done
  done
}

echo "a root with Node $(node --version) and npm $(npm --version): $root"
mkdir -p "$root"/{proc,dev,tmp,root,etc,bin,usr/bin,usr/local/lib/node_modules}
give "$(realpath "$(command -v node)")" /usr/bin/env
cp -L /bin/sh "$root/bin/sh"
give "$(realpath /bin/sh)"
npm_folder=$(dirname "$(dirname "$(realpath "$(command -v npm)")")")
cp -R "$npm_folder" "$root/usr/local/lib/node_modules/npm"
node_path=$(realpath "$(command -v node)")
[ "$node_path" = /usr/bin/node ] || ln -s "$node_path" "$root/usr/bin/node"
for name in npm npx; do
  ln -s "../local/lib/node_modules/npm/bin/$name-cli.js" "$root/usr/bin/$name"
done
# Names and certificates, as this machine looks them up, and where its npm finds packages.
for file in /etc/resolv.conf /etc/hosts /etc/nsswitch.conf /etc/ssl/certs/ca-certificates.crt \
  /lib/*/libnss_dns.so.2 /lib/*/libnss_files.so.2 /lib/*/libresolv.so.2; do
  [ ! -e "$file" ] || cp --parents -L "$file" "$root"
done
printf "root:x:0:0:root:/root:/bin/sh\n" >"$root/etc/passwd"
settings=$(npm config get globalconfig)
[ ! -e "$settings" ] || cp --parents -L "$settings" "$root"

git clone --quiet --no-local . "$root/root/pinned-stack"
echo "commit $(git -C "$root/root/pinned-stack" rev-parse --short HEAD)"

# Runs a command line inside; the first word says with which network.
inside() {
  local network=() words=(unshare --mount --pid --fork)
  [ "$1" = online ] || network=(--net)
  "${words[@]}" "${network[@]}" --propagation private sh -euc '
    mount -t proc proc "$1/proc"
    for device in null zero random urandom tty; do
      : >"$1/dev/$device"
      mount --bind "/dev/$device" "$1/dev/$device"
    done
    # Without it not even 127.0.0.1 answers in a namespace without a network.
    ip link set lo up
    exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/root TERM=dumb \
      NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt npm_config_globalconfig="$3" \
      sh -c "cd /root/pinned-stack && $2"
  ' sh "$root" "$2" "$settings"
}

failed=0
# Title, network, command line, and what one line of the output has to match.
check() {
  local started=$SECONDS code=0 log
  log="$root/tmp/output"
  echo
  echo "== $1: $3"
  inside "$2" "$3" >"$log" 2>&1 || code=$?
  grep -vE '^ +✔|^ *$' "$log" | tail -25
  if [ "$code" = 0 ] && grep -qE "$4" "$log"; then
    echo "-- passed, exit code 0, $((SECONDS - started)) s"
  else
    echo "-- FAILED, exit code $code, $((SECONDS - started)) s; expected 0 and a line like: $4"
    failed=1
  fi
}

check "with a network" online "npm ci && npm run preview" "offline plan|Resources:"
check "without a network" offline "npm run preview" "offline plan"
# The tests also run shell scripts, for which there has to be what every Linux has.
tools=(awk base64 basename bash cat chmod chown cp cut date dirname echo expr false find grep head hostname id ln ls mkdir
  mkfifo mktemp mv nproc od paste printf ps readlink realpath rm rmdir sed seq sha256sum sleep sort stat sync tail tar tee test
  timeout touch tr true uname uniq wc which xargs yes)
for tool in "${tools[@]}"; do
  # The program, where the shell has a word of its own too.
  path=$(type -P "$tool" || true)
  [ -z "$path" ] || give "$path"
done

check "with a network" online "npm ci && npm test" "^[0-9]+ passed, 0 failed, [0-9]+ skipped"
check "without a network" offline "npm test" "^[0-9]+ passed, 0 failed, [1-9][0-9]* skipped"
exit "$failed"
