# Starts one container, and puts the old one back where that fails. Read by start.ts, which writes the settings and the
# functions in capitals (HEALTH, AFTER, QUESTION, SNAPSHOT, RESTORE, FORGET, MOVES, MOVE) in front of it. POSIX shell; needs docker.

log() { printf '%s\n' "$*" >&2; }

# The last lines of container $1, without control characters: they come from the service.
tail_of() { docker logs --tail 20 "$1" 2>&1 | tr -d '\000-\010\013-\037\177' | sed 's/^/  | /' >&2 || :; }

# One script at a time works on what is called $1: a script goes on where its connection breaks, and the next deployment may
# come before it has ended. Fails where one that lives keeps it for longer than a start may take. Without a home there is none.
take_lock() {
  if [ -z "${HOME:-}" ]; then return 0; fi
  folder_of_locks=$HOME/.cache/hardened
  # A full disk or a home that cannot be written to would look like a lock that is held.
  { mkdir -p "$folder_of_locks/.$$" && rmdir "$folder_of_locks/.$$"; } 2>/dev/null || return 0
  lock=$folder_of_locks/$1
  waited=0
  until mkdir "$lock" 2>/dev/null; do
    holder=$(cat "$lock/holder" 2>/dev/null || :)
    if is_left "$holder" $waited; then rm -rf "$lock" || return 1
    elif [ $waited -ge "${lock_seconds:-1800}" ]; then
      log "$1: an earlier script on this host, process ${holder%% *}, still works on it; wait for its end, or end it"
      return 1
    elif [ $waited = 0 ]; then log "$1: waiting until an earlier script on this host has ended"
    fi
    waited=$((waited + 1))
    sleep 1
  done
  held=$lock
  echo "$$ $(boot)" >"$held/holder"
}
drop_lock() { if [ -n "${held:-}" ]; then rm -rf "$held"; held=; fi; }
# Whether nobody has the lock of holder $1 any more, after $2 seconds. Whoever has just made it may not have said so yet.
is_left() {
  if [ -z "$1" ]; then [ "$2" -ge 60 ]
  elif [ "${1#* }" != "$(boot)" ]; then return 0
  else ! is_process "${1%% *}"
  fi
}
# Process ids begin anew with each boot.
boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || :; }
is_process() { [ -d "/proc/$1" ] || ps -p "$1" >/dev/null 2>&1; }

# `running 0`: status and restarts since the last start.
state_of() { docker inspect --format '{{.State.Status}} {{.RestartCount}}' "$1" 2>/dev/null || echo 'missing 0'; }
# A trial that was killed may have left it paused.
is_running() { case $(state_of "$1") in running*|restarting*|paused*) ;; *) return 1;; esac; }

# Whether container $1 is ready within $2 seconds; why not is in $why. Not Docker's own verdict, whose first check comes
# after a whole interval. Gives up as soon as the container has ended or was restarted twice.
ready() {
  why="is not ready after $2 seconds"
  deadline=$(($(date +%s) + $2))
  calm_since=$(date +%s)
  while :; do
    state=$(state_of "$1")
    case $state in
      'running 0'|'running 1')
        case $has_health in
          yes) if HEALTH "$1" >/dev/null 2>&1; then return 0; fi;;
          *) if [ $(($(date +%s) - calm_since)) -ge 5 ]; then return 0; fi;;
        esac;;
      'restarting 0'|'restarting 1') calm_since=$(date +%s);;
      running*|restarting*) why="keeps exiting, with code $(docker inspect --format '{{.State.ExitCode}}' "$1")"; return 1;;
      *) why="is ${state% *}, with code $(docker inspect --format '{{.State.ExitCode}}' "$1" 2>/dev/null || :)"; return 1;;
    esac
    if [ "$(date +%s)" -ge "$deadline" ]; then return 1; fi
    sleep 0.4
  done
}

# Ready, set up and able to do its work. A service may be ready before it is, so the question is asked again as long as it
# may take to start.
works() {
  asked_until=$(($(date +%s) + seconds))
  ready "$1" "$seconds" || return 1
  AFTER "$1" || { why='could not be set up after its start'; return 1; }
  tries=0
  until QUESTION "$1"; do
    tries=$((tries + 1))
    if [ $tries -ge 10 ] && [ "$(date +%s)" -ge $asked_until ]; then why='runs, but does not answer correctly'; return 1; fi
    case $(state_of "$1") in 'running 0'|'running 1') ;; *) ready "$1" 0 || return 1;; esac
    sleep 1
  done
}

# The running container of name $1; empty where there is none.
running_of() { docker ps -q --no-trunc --filter "label=hardened.name=$1" --filter label=hardened.role=container | head -n 1; }

# A short-lived container of this program's own: without network, and as little else as its work takes.
helper() { docker run --rm --label hardened.role=helper --network none --cap-drop ALL --security-opt no-new-privileges --read-only --memory 256m --memory-swap 256m --pids-limit 50 "$@"; }

# Name of the volume that container $1 has at path $2.
volume_at() { docker inspect --format "{{range .Mounts}}{{if eq .Destination \"$2\"}}{{.Name}}{{end}}{{end}}" "$1"; }

# Makes folder $4 of volume $3 the same as folder $2 of volume $1, owners and modes included.
copy_volume() {
  helper --user 0:0 --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --volume "$1:/from:ro" --volume "$3:/to" --entrypoint /bin/sh "$tool_image" -c '
    set -e
    from=/from$1 to=/to$2
    mkdir -p "$to"
    rm -rf "$to"/..?* "$to"/.[!.]* "$to"/*
    cp -a "$from/." "$to/"
    chown "$(stat -c %u:%g "$from")" "$to"
    chmod "$(stat -c %a "$from")" "$to"' copy "$2" "$4"
}

# All containers of this name but the new one, the one that ran last first.
others() {
  docker ps -aq --no-trunc --filter "label=hardened.name=$name" --filter label=hardened.role=container | while read -r id; do
    if [ "$id" != "$new" ]; then
      docker inspect --format '{{if .State.Running}}9{{else}}{{.State.FinishedAt}}{{end}} {{.State.StartedAt}} {{.Id}}' "$id"
    fi
  done | grep -v ' 0001-' | sort -r | sed 's/.* //'
}

# What a switch keeps for a return, as volumes: `-before` from its beginning on, with copies of data volumes, `-copied` once
# everything is copied, `-switched` from its success on.
mark() { docker volume create --label hardened.role=before "$name-$1" >/dev/null; }
marked() { docker volume inspect "$name-$1" >/dev/null 2>&1; }
marker_label() { docker volume inspect --format "{{index .Labels \"hardened.$1\"}}" "$name-before" 2>/dev/null || :; }
forget() { docker volume rm "$name-switched" "$name-copied" "$name-before" >/dev/null 2>&1 || :; FORGET; }
put_back() {
  if ! marked copied; then return 0; fi
  RESTORE || { log "$alias: NOT RETURNED: its data could not be restored"; return 1; }
  docker volume rm "$name-copied" >/dev/null
}

# Stops the old container and starts the new one, which cannot run beside it. Nobody may interrupt this half-way.
switch() {
  old=$1
  was_running=no
  if is_running "$old"; then was_running=yes; fi
  # A deployment of which something else failed goes back to what ran before, with its data; `return` says so.
  if marked return; then
    docker stop -t "$grace" "$old" >/dev/null
    put_back || return 1
    forget
    docker volume rm "$name-return" >/dev/null
    start_alone
    return
  fi
  # A run that was cut off here has left its marker.
  if [ "$(marker_label old)" = "$old" ] && ! marked switched; then
    log "$alias: an earlier deployment was interrupted here; its data is restored first"
    was_running=yes
    put_back || return 1
  elif [ "$(marker_label new)" = "$old" ] && ! marked switched && ! { is_running "$old" && works "$old"; }; then
    # What was cut off was the start of yet another container, which does not work; the one before that is the last good one.
    log "$alias: an earlier deployment was interrupted here; its data is restored first"
    docker stop -t "$grace" "$old" >/dev/null
    put_back || return 1
    before=$(marker_label old)
    if docker inspect "$before" >/dev/null 2>&1; then old=$before; was_running=yes; fi
  fi
  forget
  same_image=no
  if [ "$(docker inspect --format '{{.Image}}' "$old")" = "$(docker inspect --format '{{.Image}}' "$new")" ]; then same_image=yes; fi
  remember || { back || :; return 1; }
  docker stop -t "$grace" "$old" >/dev/null
  if [ $same_image = no ]; then
    if SNAPSHOT; then mark copied
    else
      log "$alias: its data could not be copied, so it was not replaced"
      back || :
      forget
      return 1
    fi
  fi
  why='could not be started'
  if docker start "$new" >/dev/null && works "$new"; then
    mark switched
    return 0
  fi
  log "$alias: the new container $why; its last log lines:"
  tail_of "$new"
  stop_new || return 1
  put_back || return 1
  # In this order: whoever is cut off between the two has to know that the old one had been running.
  back || :
  forget
  return 1
}

# The beginning of a switch from `$old` to `$new`.
remember() {
  moment=$(date -u +%H:%M:%S)
  docker volume create --label hardened.role=before --label "hardened.old=$old" --label "hardened.new=$new" --label "hardened.at=$moment" "$name-before" >/dev/null
  # One that is still in use stays, with what it says of an earlier switch.
  if [ "$(marker_label old) $(marker_label new)" != "$old $new" ]; then
    log "$alias: volume $name-before is still in use, so it was not replaced"
    return 1
  fi
}

# Nothing else may run on its data while it may still write to it.
stop_new() {
  docker stop -t "$grace" "$new" >/dev/null || ! is_running "$new" || { log "$alias: NOT RETURNED: the new container could not be stopped"; return 1; }
}

# The old container again, as it was.
back() {
  if [ $was_running = no ]; then log "$alias: the previous container was not running before and stays stopped"; return; fi
  docker start "$old" >/dev/null || :
  if works "$old"; then log "$alias: RETURNED: the previous container runs again, with its data as of $moment UTC"
  else log "$alias: NOT RETURNED: the previous container $why"; tail_of "$old"; return 1; fi
}

# For a stack of which something else failed, in this order: the new container stops; the old one runs again with the data
# of the moment when it was replaced. Both do nothing where nothing was replaced. `$old` is what has been replaced.
replaced() {
  old=$(marker_label old)
  new=$(marker_label new)
  moment=$(marker_label at)
  was_running=yes
  marked switched && docker inspect "$old" >/dev/null 2>&1
}
hold_new() { if replaced; then stop_new; fi; }
give_back() {
  if ! replaced; then return 0; fi
  stop_new || return 1
  put_back || return 1
  given=0
  back || given=1
  forget
  return $given
}
# The same for a container that was replaced without an interruption: the old one runs until the whole stack works.
give_back_beside() {
  new=
  old=$(others | sed -n 2p)
  if [ -z "$old" ] || ! is_running "$old"; then return 0; fi
  docker stop -t "$grace" "$(others | head -n 1)" >/dev/null
  log "$alias: RETURNED: only the previous container runs again"
}

start_alone() {
  docker start "$new" >/dev/null || { why='could not be started'; log "$alias: $why"; return 1; }
  if works "$new"; then return 0; fi
  log "$alias: the new container $why; its last log lines:"
  tail_of "$new"
  docker stop -t 5 "$new" >/dev/null || :
  return 1
}

main() {
  # The provider has no field for it.
  docker update --pids-limit "$pids" "$new" >/dev/null
  old=$(others | head -n 1)
  if is_running "$new" && UNFINISHED; then docker stop -t "$grace" "$new" >/dev/null; fi
  if is_running "$new"; then
    # What a run that was cut off had started, or a setting that changed.
    if works "$new"; then
      if [ "$(marker_label new)" = "$new" ]; then mark switched; fi
      return 0
    fi
    log "$alias: $why; its last log lines:"
    tail_of "$new"
    if [ -z "$old" ] || [ "$(marker_label old)" != "$old" ] || marked switched; then return 1; fi
    moment=$(marker_label at)
    was_running=yes
    stop_new || return 1
    put_back || return 1
    back || :
    forget
    return 1
  fi
  if [ $order = stop-first ] && [ -n "$old" ]; then
    # It had taken the old one's place already, and has stopped since.
    if marked switched && [ "$(marker_label new)" = "$new" ] && ! is_running "$old"; then start_alone
    elif MOVES "$old"; then MOVE "$old"
    else switch "$old"
    fi
    return
  fi
  if start_alone; then return 0; fi
  if [ -n "$old" ] && is_running "$old"; then log "$alias: the previous container was not touched"; fi
  return 1
}
