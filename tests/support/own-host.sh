#!/bin/sh
# A host of the tests' own: network, mounts and processes in namespaces, so that a second Docker daemon
# neither rewrites this machine's firewall rules nor shares anything with a daemon that already runs here.
#
#   own-host.sh DIRECTORY IMAGE-STORE PROGRAMS [DISK]
#
# DIRECTORY holds what the caller prepared: etc/passwd etc/group etc/shadow (bound over the real ones) and
# empty run/ docker/ registry/ upper/ work/ upper-lib/ work-lib/. IMAGE-STORE is a registry's storage, PROGRAMS
# a folder whose programs are found before all others; both may be empty.
# DISK is the size of /var/lib/docker where that is in memory, 6g by default.
# Prints the process id to enter with nsenter, then lives until its standard input ends, however the
# caller ends. Every process inside is killed then, and DIRECTORY is removed.
set -eu

if [ "$1" != inside ]; then
  unshare --net --mount --pid --fork --kill-child sh "$0" inside "$@" && status=0 || status=$?
  find /sys/fs/cgroup -depth -type d -path "*/$(basename "$1")*" -exec rmdir {} + 2>/dev/null || true
  # Named parents of containers, which no daemon removes; those that another host still uses stay.
  find /sys/fs/cgroup -depth -type d -path "*/pinned-stack*" -exec rmdir {} + 2>/dev/null || true
  rm -rf "$1"
  exit "$status"
fi

directory=$2
store=$3
programs=$4
disk=${5:-6g}
# This is still the outer /proc, so the parent of cut is this shell under its outer process id.
pid=$(cut -d ' ' -f 4 /proc/self/stat)
mount -t proc proc /proc
ip link set lo up
# Ports are given out below this range, so no outgoing connection can sit on one.
echo '61000 65535' >/proc/sys/net/ipv4/ip_local_port_range
# As on a fresh machine: a Docker daemon that has to turn forwarding on also sets FORWARD to DROP.
echo 0 >/proc/sys/net/ipv4/ip_forward
for file in passwd group shadow; do mount --bind "$directory/etc/$file" "/etc/$file"; done
mount --bind "$directory/run" /run
# Not by PATH: the user who comes over SSH may have no right to pass the folders above the programs.
if [ -n "$programs" ]; then
  mount -t overlay overlay -o "lowerdir=$programs:/usr/local/bin" /usr/local/bin
fi
# The registry's images first: below it, they would be part of the copy.
if [ -n "$store" ]; then
  mount -t overlay overlay -o "lowerdir=$store,upperdir=$directory/upper,workdir=$directory/work" "$directory/registry"
fi
# What is new in /var/lib stays inside.
mount -t overlay overlay -o "lowerdir=/var/lib,upperdir=$directory/upper-lib,workdir=$directory/work-lib" /var/lib
mkdir -p -m 0710 /var/lib/docker
# In memory where there is plenty of it: unpacked images are tens of thousands of files, and on a disk removing them
# takes longer than most tests. The size is an upper limit; the preflight wants almost 5 GB for the containerd image store.
if [ "$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)" -ge 8 ]; then
  mount -t tmpfs -o "mode=0710,size=$disk" tmpfs "$directory/docker"
fi
mount --bind "$directory/docker" /var/lib/docker
echo "$pid"
# The end of the input is the end of this host. The shell stays to collect orphaned processes.
cat >/dev/null
