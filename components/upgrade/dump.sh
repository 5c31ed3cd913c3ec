# Dumps every database of container $1 into a new folder below the current one; its name is then in $dump. The folder gets
# its name only when pg_restore has read all of it. The caller names $stack and $keep, and has changed to the folder.
dump_all() {
  partial="@$stack"
  # Left by an interrupted run; the lock excludes a concurrent one.
  end_dumps "$1"
  rm -rf .partial-*"$partial"
  work=.partial-$$$partial
  mkdir "$work"
  version=$(psql_in "$1" -c 'SHOW server_version_num' </dev/null)
  databases_of "$1" >"$work/databases"
  [ -s "$work/databases" ]
  while read -r database; do
    # Not in the dump folder, whose disk may be full.
    said=$(mktemp)
    dump_with_counts "$1" "$database" >"$work/$database.dump" 2>"$said" </dev/null || { grep -v '^count|' "$said" >&2; rm -f "$said"; return 1; }
    grep -v '^count|' "$said" >&2 || :
    grep '^count|' "$said" >>"$work/counts" || :
    rm -f "$said"
    docker exec -i "$1" pg_restore --list <"$work/$database.dump" >"$work/list"
    [ -s "$work/list" ]
    docker exec -i "$1" pg_restore -f /dev/null <"$work/$database.dump"
  done <"$work/databases"
  docker exec -i -e PGAPPNAME=$dump_application "$1" pg_dumpall -U postgres --globals-only </dev/null >"$work/globals.sql"
  grep -q 'CREATE ROLE' "$work/globals.sql"
  touch "$work/counts"
  rm -f "$work/list" "$work/databases"
  sync
  dump_name=$stack-postgres-$((version / 10000))-$(date -u +%Y%m%dT%H%M%SZ)
  mv "$work" "$dump_name"
  dump=$PWD/$dump_name
  # The new dump is kept even if the clock is wrong.
  dumps_in . | grep -vxF "$dump_name" | tail -n +"$keep" | while read -r old; do
    # A partly removed dump must not look complete.
    mv "$old" ".partial-$old$partial"
    rm -rf ".partial-$old$partial"
    log "removed the old dump $PWD/$old"
  done
}

# The stack's dumps in folder $1 by their time, whatever the version; the newest one first.
dumps_in() {
  ls "$1" 2>/dev/null | grep -E "^$(printf %s "$stack" | sed 's/[.]/[.]/g')-postgres-[0-9]+-[0-9]{8}T[0-9]{6}Z\$" | sed 's/.*-\([^-]*\)$/\1 &/' | sort -r | sed 's/.* //'
}

# Dumps all databases of container $1 into a new folder in $folder; its path is in $dump afterwards.
dump_into() {
  log 'dumping the databases'
  said_dump=$(mktemp)
  # In a subshell with `set -e`, which has no effect in a function that is called in a condition.
  ( set -e; umask 077; mkdir -p "$folder"; cd "$folder"; dump_all "$1"; printf '%s' "$dump" >"$said_dump" ) &
  wait $! || { rm -f "$said_dump"; return 1; }
  dump=$(cat "$said_dump")
  rm -f "$said_dump"
}

# Restores the dump in folder $1 into the server of container $2.
restore_dump() {
  source=$1
  globals_from() { cat "$source/globals.sql"; }
  dump_from() { cat "$source/$1.dump"; }
  databases_from() { ls "$source" | sed -n 's/\.dump$//p'; }
  restore_into "$2"
}
