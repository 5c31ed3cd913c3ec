# PostgreSQL in a container, over its own socket. The container's user is that of the server.

psql_in() { container=$1; shift; docker exec -i "$container" psql -X -q -At -v ON_ERROR_STOP=1 -U postgres "$@"; }

# Databases whose names end in _before are copies that a replacement keeps.
databases_of() {
  psql_in "$1" -c "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname NOT LIKE '%\_before' ORDER BY 1" </dev/null
}

# A statement for each table that counts its rows: `count|database|table|rows`.
count_statements="SELECT format('SELECT ''count'', current_database(), %L, count(*) FROM %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY n.nspname, c.relname"

counts_of() {
  names=$(databases_of "$1") && [ -n "$names" ] || return 1
  for database in $names; do
    psql_in "$1" -d "$database" <<SQL || return 1
$count_statements \\gexec
SQL
  done
}

# Application name of the dump's sessions, by which they are terminated: a command in the server outlives the script that started it.
dump_application=hardened-dump
end_dumps() { psql_in "$1" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '$dump_application'" </dev/null >/dev/null 2>&1 || :; }

# Writes database $2 of container $1 to stdout in custom format, and to stderr the rows of its tables in the same instant.
dump_with_counts() {
  docker exec -i -e PGAPPNAME=$dump_application "$1" psql -X -q -At -v ON_ERROR_STOP=1 -U postgres -d "$2" <<SQL
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot \\gset
\\setenv SNAPSHOT :snapshot
\\setenv DATABASE :DBNAME
\\o /dev/stderr
$count_statements \\gexec
\\o
\\! exec pg_dump -U postgres -Fc ${dump_options:-} --snapshot="\$SNAPSHOT" -d "\$DATABASE"
COMMIT;
SQL
}

# Restores everything into the server of container $1, whose databases of these names it drops. The caller's functions
# globals_from and dump_from DATABASE write what is restored, and databases_from names it.
restore_into() {
  # Roles that already exist in the server are unchanged. Passwords are set afterwards.
  problems=$(globals_from | docker exec -i "$1" psql -X -q -U postgres 2>&1 | grep -i 'error' | grep -v 'already exists' || :)
  if [ -n "$problems" ]; then log "roles: $problems"; return 1; fi
  names=$(databases_from) && [ -n "$names" ] || { log 'there are no databases to restore'; return 1; }
  for database in $names; do
    if [ "$database" = postgres ]; then
      # The database postgres cannot be dropped, so only its owner's objects are.
      dump_from "$database" | docker exec -i "$1" pg_restore -U postgres --exit-on-error --clean --if-exists -d postgres || return 1
    else
      psql_in "$1" -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS \"$database\" WITH (FORCE)" </dev/null || return 1
      dump_from "$database" | docker exec -i "$1" pg_restore -U postgres --exit-on-error --create -d postgres || return 1
    fi
  done
}

# Says where the counts in files $1 (before) and $2 (after) differ.
compare_counts() {
  if cmp -s "$1" "$2"; then return 0; fi
  diff "$1" "$2" | sed -n 's/^< count|/  before: /p; s/^> count|/  after:  /p' | head -n 20 >&2
  return 1
}

# The one volume that container $1 may write to.
data_volume_of() {
  mounted=$(ask inspect --format '{{range .Mounts}}{{if and .RW (eq .Type "volume")}}{{println .Name}}{{end}}{{end}}' "$1") || return 1
  printf '%s\n' "$mounted" | head -n 1
}

# Whether container $1 has its data in another volume than the new one.
is_elsewhere() {
  there=$(data_volume_of "$1") && here=$(data_volume_of "$new") || unanswered
  [ "$there" != "$here" ]
}
# Whether the volume of container $1 has only a part of the data that it was to get.
is_incomplete() {
  here=$(data_volume_of "$1") || unanswered
  has_volume "$here-incomplete"
}

# Stops the client $1, within $2 seconds, and keeps its id: a killed script does not start it again.
hold_client() {
  client=$(running_of "$1") || return 1
  if [ -z "$client" ]; then return 0; fi
  docker volume rm "$1-held" >/dev/null 2>&1 || :
  ask volume create --label hardened.role=before --label "hardened.client=$client" "$1-held" >/dev/null || return 1
  ask stop -t "$2" "$client" >/dev/null
}
# Starts the client $1 that was stopped, unless another one of its name runs by now. Leaves its id in $client.
start_held() {
  client=
  if ! has_volume "$1-held"; then return 0; fi
  client=$(label_of "$1-held" client) || return 1
  other=$(running_of "$1") || return 1
  if ! exists "$client" || { [ -n "$other" ] && [ "$other" != "$client" ]; }; then client=; release_client "$1"; return; fi
  ask start "$client" >/dev/null
}
release_client() { ask volume rm "$1-held" >/dev/null; }

# Takes the data of container $1, another major version, over into the new container's own volume. Both run while it is
# copied; their clients do not. Uses start.sh; CLIENTS runs its argument for each client.
move_data() {
  old=$1
  target=$(data_volume_of "$new")
  was_running=yes
  forget
  remember
  if ! CLIENTS client_stop; then
    log "$alias: a service that uses its databases could not be stopped, so they were not moved"
    CLIENTS client_start || :
    forget
    return 1
  fi
  why='could not be started'
  if moved && mark switched; then return 0; fi
  log "$alias: the new container $why; its last log lines:"
  tail_of "$new"
  CLIENTS client_stop || :
  docker stop -t "$grace" "$new" >/dev/null || :
  forget
  if ! is_running "$old"; then ask start "$old" >/dev/null || :; fi
  if works "$old" && CLIENTS client_start; then log "$alias: RETURNED: the previous container runs again, with all its data"
  else log "$alias: NOT RETURNED: the previous container $why"; fi
  return 1
}
moved() {
  if ! is_incomplete "$new"; then
    filled=$(helper --user 0:0 --cap-add DAC_READ_SEARCH --volume "$target:/from:ro" --entrypoint /bin/sh "$tool_image" -c 'find /from -maxdepth 3 -name PG_VERSION | wc -l') || return 1
    if [ "$filled" -gt 0 ]; then
      # Back to the data from before an upgrade; the trial has checked that this is wanted.
      stop "$old" && ask start "$new" >/dev/null && works "$new" && clients_work
      return
    fi
  fi
  keep "$target-incomplete" && empty_volume "$target" || return 1
  counts=$(mktemp -d) || return 1
  taken=0
  take_over || taken=1
  rm -rf "$counts"
  if [ $taken = 1 ]; then return 1; fi
  # From here on, the new server has data that the old one lacks.
  stop "$old" && ask volume rm "$target-incomplete" >/dev/null || return 1
  if clients_work; then return 0; fi
  keep "$target-incomplete"
  return 1
}
clients_work() { why='has the data, but a service that needs it does not work'; CLIENTS client_start; }

take_over() {
  why='could not be filled, because the previous one does not run'
  if ! is_running "$old"; then ask start "$old" >/dev/null || return 1; fi
  ready "$old" "$seconds" || { why='could not be filled, because the previous one is not ready'; return 1; }
  why='could not be filled: the rows of the previous one cannot be counted'
  counts_of "$old" >"$counts/before" || return 1
  why='could not be started'
  ask start "$new" >/dev/null || return 1
  ready "$new" "$seconds" || return 1
  globals_from() { docker exec -i "$old" pg_dumpall -U postgres --globals-only </dev/null; }
  databases_from() { databases_of "$old"; }
  dump_from() { docker exec -i "$old" pg_dump -U postgres -Fc -Z0 -d "$1" </dev/null; }
  why='could not be filled with the data of the previous one'
  restore_into "$new" || return 1
  works "$new" || return 1
  why='has other row counts than the previous one'
  counts_of "$new" >"$counts/after" || return 1
  compare_counts "$counts/before" "$counts/after" || return 1
  log "$alias: $(wc -l <"$counts/after" | tr -d ' ') tables with all their rows are in $target"
}

empty_volume() {
  helper --user 0:0 --cap-add DAC_OVERRIDE --volume "$1:/to" --entrypoint /bin/sh "$tool_image" -c 'rm -rf /to/..?* /to/.[!.]* /to/*'
}

# Copies database $2 of the server in container $1 as a template, at the speed of a file copy. There must be no connections.
copy_database() {
  if [ -z "$1" ]; then log "$alias: no database server runs, so its database was not copied"; return 1; fi
  # A killed script may have left a copy that is still being created.
  psql_in "$1" -d postgres >/dev/null <<SQL
SET client_min_messages = warning;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '$2' OR (pid <> pg_backend_pid() AND query LIKE 'CREATE DATABASE "$2\_before"%');
DROP DATABASE IF EXISTS "$2_before" WITH (FORCE);
SELECT CASE WHEN current_setting('server_version_num')::int < 150000 THEN '' ELSE 'STRATEGY FILE_COPY' END AS how \\gset
CREATE DATABASE "$2_before" TEMPLATE "$2" :how;
SQL
}
# Replaces the database by its copy. Owner and connection limit are not copied, so they are set again. The rename comes last: it
# marks the restoration as complete.
return_database() {
  if [ -z "$1" ]; then return 1; fi
  if [ -z "$(psql_in "$1" -d postgres -c "SELECT 1 FROM pg_database WHERE datname = '$2_before'" </dev/null)" ]; then return 0; fi
  psql_in "$1" -d postgres >/dev/null <<SQL
SET client_min_messages = warning;
ALTER DATABASE "$2_before" OWNER TO "$2";
REVOKE ALL ON DATABASE "$2_before" FROM PUBLIC;
DROP DATABASE IF EXISTS "$2" WITH (FORCE);
ALTER DATABASE "$2_before" RENAME TO "$2";
SQL
}
forget_database() {
  if [ -z "$1" ]; then return 0; fi
  psql_in "$1" -d postgres -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS \"$2_before\" WITH (FORCE)" </dev/null >/dev/null || :
}
