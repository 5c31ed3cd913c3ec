# Saves, proves and restores what the containers `backup` and `postgres-dumps` have access to. Read by backup.ts, which writes the
# settings and the calls. Uses start.sh. The caller names $backup, the container that asks restic.

in_backup() { docker exec "$backup" sh /backup/backup.sh "$@"; }

now_ms() { date +%s%3N 2>/dev/null | grep -x '[0-9]*' || echo "$(date +%s)000"; }

# Saves volumes of the container of name $1 while it stands still: $2 is `paused` or `stopped`, $3 the seconds for its stop; then
# the words of backup.sh.
held_still=
held_how=
save_still() {
  held_still=$(running_of "$1")
  held_how=$2
  grace_still=$3
  shift 3
  if [ -z "$held_still" ]; then in_backup "$@"; return; fi
  began=$(now_ms)
  saved=0
  case $held_how in
    paused) docker pause "$held_still" >/dev/null || return 1;;
    *) docker stop -t "$grace_still" "$held_still" >/dev/null || return 1;;
  esac
  in_backup "$@" || saved=1
  let_go || saved=1
  log "$3: stood still for $(($(now_ms) - began)) ms"
  return $saved
}
let_go() {
  if [ -z "$held_still" ]; then return 0; fi
  case $held_how in
    paused) docker unpause "$held_still" >/dev/null;;
    *) docker start "$held_still" >/dev/null;;
  esac || { log "FAILED: $held_still could not be started again; start it: docker start $held_still"; return 1; }
  held_still=
}

# Writes the dump of backup $1, from its folder $2, into the new folder $3 of the host. Only files of a dump.
fetch_dump() {
  mkdir -m 700 "$3" || return 1
  listed=$(in_backup files "$1") || return 1
  fetched=$(printf '%s\n' "$listed" | sed -n "s#.*\"path\":\"$2/\([A-Za-z0-9_-]*\.dump\|globals\.sql\|counts\)\".*#\1#p")
  case $fetched in *globals.sql*) ;; *) log "FAILED: the backup holds no complete dump of the databases"; return 1;; esac
  for file in $fetched; do
    (umask 077; in_backup file "$1" "$2/$file" >"$3/$file") || return 1
  done
}

# Writes volume $2 of backup $1 into the volume $3 of Docker. `$4` is a folder for a mark.
fetch_volume() {
  rm -f "$4/unread"
  { in_backup tar "$1" || : >"$4/unread"; } |
    helper -i --user 0:0 --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --cap-add FSETID --volume "$3:/to/$2" --entrypoint /bin/sh "$tool_image" -c 'exec tar -xpf - -C /to "$1"' fetch "$2" || return 1
  ! [ -e "$4/unread" ]
}

# Replaces the data of a container, whose settings and functions are those of start.sh, by what is in the volumes `$name-restored`,
# one folder each. What is there now goes to `$name-replaced` first.
replace_data() {
  old=$(running_of "$name")
  if [ -z "$old" ]; then log "REFUSED: $alias does not run; deploy the stack first; nothing was restored"; return 1; fi
  docker volume rm "$name-replaced" >/dev/null 2>&1 || :
  ask volume create --label hardened.role=replaced "$name-replaced" >/dev/null || return 1
  ask stop -t "$grace" "$old" >/dev/null || { log "REFUSED: $alias could not be stopped; nothing was restored"; return 1; }
  if ! each_volume copy_aside; then
    docker start "$old" >/dev/null || :
    log "REFUSED: the data of $alias could not be copied; nothing was restored"
    return 1
  fi
  log "the current data of $alias is in the volume $name-replaced"
  why='could not be restored'
  if each_volume put_restored && docker start "$old" >/dev/null && works "$old"; then log "restored $alias"; return 0; fi
  log "$alias: $why; restoring the previous data"
  docker stop -t "$grace" "$old" >/dev/null || :
  if each_volume put_replaced && docker start "$old" >/dev/null && works "$old"; then log "RETURNED: $alias runs again with its previous data"; return 1; fi
  log "NOT RETURNED: the previous data of $alias is in the volume $name-replaced"
  return 1
}
copy_aside() { copy_volume "$1" / "$name-replaced" "/$2"; }
put_restored() { copy_volume "$name-restored-$2" / "$1" /; }
put_replaced() { copy_volume "$name-replaced" "/$2" "$1" /; }
