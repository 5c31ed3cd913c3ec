# In the container postgres-dumps: dumps the databases of the server into /dumps. Uses clock.sh, and postgres.sh and dump.sh, whose
# `docker exec` runs its program here, against the server.
set -eu
umask 077
stack=$STACK
folder=/dumps
# One may be read by a backup while the next is written.
keep=2
# Other than that of a deployment's dump, so that neither ends the other's sessions.
dump_application=backup-dump
# restic compresses by itself, and finds what has not changed only in what is not compressed.
dump_options=-Z0

docker() (
  shift
  while :; do
    case $1 in
      -i) shift;;
      -e) export "$2"; shift 2;;
      *) break;;
    esac
  done
  shift
  exec "$@"
)
PGPASSWORD=$(cat /run/secrets/postgres-dumps/superuser)
export PGPASSWORD

one() {
  # Two dumps in one second would have one name.
  sleep 1
  dump_into postgres || { log 'FAILED: the databases could not be dumped; the lines above say why'; return 1; }
  log "dumped the databases to $dump"
}
work() { alone one; }
report() { :; }

case ${1:-} in
  forever) forever;;
  now) work;;
  alive) alive;;
esac
