# Starts one container and, on failure, restores the previous one. start.ts reads this file and prepends the settings and the
# functions in capitals (HEALTH, AFTER, QUESTION, SNAPSHOT, RESTORE, FORGET, MOVES, MOVE, UNFINISHED, RESUME).
# POSIX shell (dash and BusyBox); needs docker.

log() { printf '%s\n' "$*" >&2; }

# The last log lines of container $1. Control characters are removed, because the service wrote them.
tail_of() { docker logs --tail 20 "$1" 2>&1 | tr -d '\000-\010\013-\037\177' | sed 's/^/  | /' >&2 || :; }

# Runs docker "$@". Retries once, because no decision may be based on a failed query.
ask() {
  answer=$(docker "$@") || { sleep 1; answer=$(docker "$@"); } || return 1
  printf '%s\n' "$answer"
}
# The state of the host is unknown, so the script stops. The markers tell the next run what has been done.
unanswered() { log "${alias:-docker}: Docker on the host does not answer; deploy again once it does"; exit 1; }

exists() { listed=$(ask ps -aq --no-trunc --filter "id=$1") || unanswered; [ -n "$listed" ]; }
# Docker's filter also matches parts of names, hence the exact comparison.
has_volume() { listed=$(ask volume ls -q --filter "name=$1") || unanswered; printf '%s\n' "$listed" | grep -qxF -e "$1"; }

# Takes the lock of $1, so that only one script at a time works on it, whichever user of the host runs it. A script continues
# after its connection breaks, so the next deployment may start before it has ended. The lock is a container that never starts:
# Docker creates only one with the same name, and removing it by id cannot remove a later holder's lock. Returns 1 if another
# script holds the lock for longer than a start may take, 2 if Docker cannot create it.
held=
worked_on=
take_lock() {
  waited=0
  failed=0
  until said=$(docker create --pull never --name "$1-lock" --label hardened.role=lock --label "hardened.holder=$$ $(machine)" --network none "${tool_image:-}" - 2>&1); do
    holder=$(docker container inspect --format '{{.Id}} {{index .Config.Labels "hardened.holder"}}' "$1-lock" 2>/dev/null) || holder=
    lock=${holder%% *}
    holder=${holder#* }
    if [ -z "$lock" ]; then
      failed=$((failed + 1))
      if [ $failed -ge 5 ]; then log "$1: cannot be locked: $said"; return 2; fi
    elif has_ended "$holder" && { end_helpers "$1"; ! group_lives "$holder" || [ $waited -ge 120 ]; }; then
      if docker rm -v "$lock" >/dev/null 2>&1; then continue; fi
    elif [ $waited -ge "${lock_seconds:-1800}" ]; then
      log "$1: an earlier script, process ${holder%% *} of the host, still works on it; wait for its end or end it; if it is gone, run on the host: docker rm -v $1-lock"
      return 1
    elif [ $waited = 0 ]; then log "$1: waiting until an earlier script on this host has ended"
    fi
    waited=$((waited + 1))
    sleep 1
  done
  held="$held ${said##*[!0-9a-f]}"
  worked_on=$1
  end_helpers "$1"
}
drop_lock() { for lock in $held; do docker rm -v "$lock" >/dev/null 2>&1 || :; done; held=; }
# Process ids are only comparable within one boot of the host and one PID namespace.
machine() { echo "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || :) $(readlink /proc/self/ns/pid 2>/dev/null || :)"; }
# Whether the script of holder `<process> <boot> <namespace>` has ended. If unknown: no.
has_ended() {
  here=$(machine)
  there=${1#* }
  if [ "$there" = "$here" ]; then ! lives "${1%% *}"
  else [ -n "${there%% *}" ] && [ -n "${here%% *}" ] && [ "${there%% *}" != "${here%% *}" ]
  fi
}
# A killed shell leaves the command it was waiting for running, in its process group.
group_lives() { [ "${1#* }" = "$(machine)" ] && lives "-${1%% *}"; }
# Not only by /proc, which may hide other users' processes. State Z is a process that has ended but was not reaped.
lives() {
  case $(cat "/proc/$1/stat" 2>/dev/null || :) in *') Z '*) return 1;; esac
  case $(LC_ALL=C kill -0 "$1" 2>&1) in *[Nn]o\ such\ process*) return 1;; esac
}

# `running 0`: status and restarts since the last start.
state_of() { ask inspect --format '{{.State.Status}} {{.RestartCount}}' "$1" 2>/dev/null || echo 'missing 0'; }
# `paused` counts, because a killed trial may have left the container paused.
is_running() { case $(state_of "$1") in running*|restarting*|paused*) ;; *) return 1;; esac; }

# Waits up to $2 seconds until container $1 is ready; sets $why otherwise. Runs the health check itself, because Docker's first
# check comes after a whole interval. Gives up as soon as the container has exited or restarted twice.
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

# Whether container $1 is ready, set up, and answers its question. A service may report ready too early, so the question is
# repeated for as long as a start may take.
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
running_of() {
  listed=$(ask ps -q --no-trunc --filter "label=hardened.name=$1" --filter label=hardened.role=container) || return 1
  printf '%s\n' "$listed" | head -n 1
}

# Runs a short-lived helper container without network and with few privileges. It is labelled with what it works for, because it
# keeps running if the script is killed.
helper() { docker run --rm --label hardened.role=helper --label "hardened.for=$worked_on" --network none --cap-drop ALL --security-opt no-new-privileges --read-only --memory 256m --memory-swap 256m --pids-limit 50 "$@"; }

end_helpers() {
  for left in $(docker ps -aq --filter label=hardened.role=helper --filter "label=hardened.for=$1"); do docker rm -f -v "$left" >/dev/null 2>&1 || :; done
}

# Name of the volume that container $1 has at path $2.
volume_at() { ask inspect --format "{{range .Mounts}}{{if eq .Destination \"$2\"}}{{.Name}}{{end}}{{end}}" "$1"; }

# Makes folder $4 of volume $3 the same as folder $2 of volume $1, owners and modes included. A set-group-ID bit needs FSETID,
# file capabilities SETFCAP and GNU cp; that of BusyBox keeps no extended attributes and ACLs, which the services' data does not
# have.
copy_volume() {
  helper --user 0:0 --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --cap-add FSETID --cap-add SETFCAP --volume "$1:/from:ro" --volume "$3:/to" --entrypoint /bin/sh "$tool_image" -c '
    set -e
    from=/from$1 to=/to$2
    mkdir -p "$to"
    rm -rf "$to"/..?* "$to"/.[!.]* "$to"/*
    cp -a "$from/." "$to/"
    chown "$(stat -c %u:%g "$from")" "$to"
    chmod "$(stat -c %a "$from")" "$to"' copy "$2" "$4"
}

# All containers of this name except the new one, most recently started first. Fails if Docker's answer is incomplete: if the
# old container were overlooked, two would run on the same data.
others() {
  all=$(list_all) || { sleep 1; all=$(list_all); } || return 1
  printf '%s\n' "$all" | grep -v -e ' 0001-' -e " $new\$" | sort -r | sed 's/.* //'
}
list_all() {
  ids=$(docker ps -aq --no-trunc --filter "label=hardened.name=$name" --filter label=hardened.role=container) || return 1
  if [ -z "$ids" ]; then return 0; fi
  docker inspect --format '{{if .State.Running}}9{{else}}{{.State.FinishedAt}}{{end}} {{.State.StartedAt}} {{.Id}}' $ids
}

# Volumes that record the progress of a replacement, so that it can be undone: `-before` exists from its start and holds the copies
# of data volumes, `-copied` exists once they are complete, `-switched` once the replacement has succeeded.
keep() { kept=$1; shift; ask volume create --label hardened.role=before --label "hardened.name=$name" "$@" "$kept" >/dev/null; }
mark() { keep "$name-$1"; }
marked() { has_volume "$name-$1"; }
label_of() { ask volume inspect --format "{{index .Labels \"hardened.$2\"}}" "$1"; }
read_marker() {
  marker_old= marker_new= marker_at=
  if ! marked before; then return 0; fi
  said=$(ask volume inspect --format '{{index .Labels "hardened.old"}} {{index .Labels "hardened.new"}} {{index .Labels "hardened.at"}}' "$name-before") || unanswered
  marker_old=${said%% *} marker_at=${said##* } marker_new=${said#* }
  marker_new=${marker_new%% *}
}
# The order matters: without `-switched`, an interrupted run would restore the copies.
forget() { docker volume rm "$name-before" "$name-copied" "$name-switched" >/dev/null 2>&1 || :; FORGET; }
put_back() {
  if ! marked copied; then return 0; fi
  log "$alias: restoring its data"
  # Tried twice: nothing runs until it succeeds, and it is idempotent.
  { { RESTORE || RESTORE; } && ask volume rm "$name-copied" >/dev/null; } || { log "$alias: NOT RETURNED: its data could not be restored"; return 1; }
}

# Stops the old container and starts the new one, which cannot run beside it.
switch() {
  old=$1
  was_running=no
  if is_running "$old"; then was_running=yes; fi
  # Another part of the deployment failed. The marker `return` requests the previous container with its data.
  if marked return; then
    stop "$old" || return 1
    put_back || return 1
    forget
    ask volume rm "$name-return" >/dev/null || return 1
    start_alone
    return
  fi
  # An earlier run was interrupted here.
  if [ "$marker_old" = "$old" ] && ! marked switched; then
    log "$alias: an earlier deployment was interrupted here; its data is restored first"
    was_running=yes
    put_back || return 1
  elif [ "$marker_new" = "$old" ] && ! marked switched && ! { is_running "$old" && works "$old"; }; then
    # The interrupted run was starting another new container, which does not work. Its predecessor is the last good one.
    log "$alias: an earlier deployment was interrupted here; its data is restored first"
    stop "$old" || return 1
    put_back || return 1
    if [ -n "$marker_old" ] && exists "$marker_old"; then old=$marker_old; was_running=yes; fi
  fi
  forget
  remember || { back || :; return 1; }
  if ! stop "$old"; then
    log "$alias: the previous container could not be stopped, so it was not replaced"
    back || :
    forget
    return 1
  fi
  if ! is_same_image && ! { SNAPSHOT && mark copied; }; then
    log "$alias: its data could not be copied, so it was not replaced"
    back || :
    forget
    return 1
  fi
  why='could not be started'
  if ask start "$new" >/dev/null && works "$new" && { why='works, but Docker could not record that'; mark switched; }; then return 0; fi
  log "$alias: the new container $why; its last log lines:"
  tail_of "$new"
  stop_new || return 1
  put_back || return 1
  # The order matters: a run that is interrupted in between must know that the old container was running.
  back || :
  forget
  return 1
}
stop() { ask stop -t "$grace" "$1" >/dev/null || ! is_running "$1"; }
is_same_image() { image=$(ask inspect --format '{{.Image}}' "$old") && [ "$image" = "$(ask inspect --format '{{.Image}}' "$new")" ]; }

# Records that `$old` is about to be replaced by `$new`.
remember() {
  moment=$(date -u +%H:%M:%S)
  volumes=
  for path in $kept_paths; do volumes="$volumes $(volume_at "$old" "$path")" || return 1; done
  keep "$name-before" --label "hardened.old=$old" --label "hardened.new=$new" --label "hardened.at=$moment" --label "hardened.volumes=${volumes# }" --label "hardened.database=${kept_database:-}" || return 1
  read_marker
  # A volume that is in use cannot be replaced and still has the labels of an earlier replacement.
  if [ "$marker_old $marker_new" != "$old $new" ]; then
    log "$alias: volume $name-before is still in use, so it was not replaced"
    return 1
  fi
}

# The new container must not run while its data is restored.
stop_new() { stop "$new" || { log "$alias: NOT RETURNED: the new container could not be stopped"; return 1; }; }

# Starts the old container again.
back() {
  if [ $was_running = no ]; then log "$alias: the previous container was not running before and stays stopped"; return; fi
  ask start "$old" >/dev/null || :
  if ! works "$old"; then log "$alias: NOT RETURNED: the previous container $why"; tail_of "$old"; return 1; fi
  if ! RESUME; then log "$alias: NOT RETURNED: the previous container runs, but a service that needs it does not work"; return 1; fi
  if [ $order = start-first ]; then log "$alias: RETURNED: only the previous container runs again"
  else log "$alias: RETURNED: the previous container runs again, with its data as of $moment UTC"
  fi
}

# For a deployment in which something else failed: hold_new stops the new container, then give_back starts the old one again with
# its data from before. Both do nothing if no replacement was started. `$old` is the replaced container.
replaced() {
  read_marker
  old=$marker_old
  new=$marker_new
  moment=$marker_at
  was_running=yes
  [ -n "$old" ] && exists "$old"
}
hold_new() { if replaced; then stop_new; fi; }
give_back() {
  if ! replaced; then RESUME; return; fi
  stop_new || return 1
  put_back || return 1
  given=0
  back || given=1
  forget
  return $given
}
# Stops a container that the failed deployment has added.
stop_added() {
  for new in $(running_of "$name"); do
    stop_new || return 1
    log "$alias: stopped, because it did not exist before"
  done
}

# Handles copies whose containers no longer exist, for example because the service was disabled after an interrupted replacement.
# Restores the data, which the new container may have changed. $1 is the running database server, or empty.
forget_gone() {
  gone=$(ask volume ls -q --filter label=hardened.role=before) || return 1
  for name in $(printf '%s\n' "$gone" | sed -nE 's/-(before|copied|switched|return|held)$//p' | sort -u); do
    left=$(ask ps -aq --filter "label=hardened.name=$name") || return 1
    if [ -n "$left" ]; then continue; fi
    take_lock "$name" || return 1
    put_back_gone "$1" || { log "$name: its data from before an interrupted deployment stays in the volume $name-before"; drop_lock; continue; }
    docker volume rm "$name-before" "$name-copied" "$name-switched" "$name-return" "$name-held" >/dev/null 2>&1 || :
    drop_lock
  done
}
put_back_gone() {
  if ! marked before; then return 0; fi
  volumes=$(label_of "$name-before" volumes) && database=$(label_of "$name-before" database) || return 1
  cut_off=no
  if marked copied && ! marked switched; then cut_off=yes; fi
  number=0
  for volume in $volumes; do
    if [ $cut_off = yes ] && has_volume "$volume"; then copy_volume "$name-before" "/$number" "$volume" / || return 1; fi
    number=$((number + 1))
  done
  if [ -z "$database" ]; then return 0; fi
  if [ -z "$1" ]; then [ $cut_off = no ]; return; fi
  if [ $cut_off = yes ]; then return_database "$1" "$database"; else forget_database "$1" "$database"; fi
}

start_alone() {
  ask start "$new" >/dev/null || { why='could not be started'; log "$alias: $why"; return 1; }
  if works "$new"; then return 0; fi
  log "$alias: the new container $why; its last log lines:"
  tail_of "$new"
  docker stop -t 5 "$new" >/dev/null || :
  return 1
}

main() {
  # The Docker provider cannot set it.
  ask update --pids-limit "$pids" "$new" >/dev/null
  take_place
  if ! RESUME; then log "$alias: works, but a service that was stopped for it does not"; return 1; fi
}
take_place() {
  read_marker
  before=$(others)
  old=$(printf '%s\n' "$before" | head -n 1)
  # An earlier migration into this container's volume was interrupted. It has to start again.
  if [ -n "$old" ] && [ "$marker_new" = "$old" ] && UNFINISHED "$old"; then
    stop "$old"
    old=
    if exists "$marker_old"; then old=$marker_old; fi
  fi
  if UNFINISHED "$new"; then
    if is_running "$new"; then stop "$new"; fi
    if [ -z "$old" ]; then
      log "$alias: the deployment that was to fill its data was interrupted, and the container with the data is gone; deploy the version from before that again"
      return 1
    fi
  fi
  if is_running "$new"; then
    # An interrupted run started it, or one of its settings changed.
    if works "$new"; then
      if [ "$marker_new" = "$new" ]; then mark switched; fi
      return 0
    fi
    log "$alias: $why; its last log lines:"
    tail_of "$new"
    if [ -z "$old" ] || [ "$marker_old" != "$old" ] || marked switched; then return 1; fi
    moment=$marker_at
    was_running=yes
    stop_new || return 1
    put_back || return 1
    back || :
    forget
    return 1
  fi
  if [ $order = stop-first ] && [ -n "$old" ]; then
    # It already replaced the old one, and has stopped since.
    if marked switched && [ "$marker_new" = "$new" ] && ! is_running "$old"; then start_alone
    elif MOVES "$old"; then MOVE "$old"
    else switch "$old"
    fi
    return
  fi
  # Starts beside the old one, which Pulumi removes once everything works.
  beside=no
  if [ -n "$old" ] && is_running "$old"; then beside=yes; forget; remember; fi
  if start_alone; then
    if [ $beside = yes ]; then mark switched; fi
    return 0
  fi
  if [ $beside = yes ]; then log "$alias: the previous container was not touched"; forget; fi
  return 1
}
