# In the container backup: everything that asks restic. The settings are in the environment, the secrets in files. Uses clock.sh.
#   forever                one backup a day
#   run TIME               saves the newest dump and all volumes that may be copied while they are in use
#   save TIME NAME PATH…   saves folders under one name
#   take TIME NAME         saves what comes in on stdin
#   tidy                   removes old backups
#   reach | list | init | unlock | check
#   noted full|proved BACKUP   remembers that a backup of everything is complete, or was restored on trial
#   proved                 when that was, in seconds since the epoch, and which backup
#   files ID | file ID PATH | tar ID   what a backup has: names, a file, all volumes
set -eu
umask 077
secrets=/run/secrets/backup
export RESTIC_PASSWORD_FILE=$secrets/password

case $KIND in
  s3)
    credentials=$(cat $secrets/credentials)
    export AWS_ACCESS_KEY_ID="${credentials%%:*}" AWS_SECRET_ACCESS_KEY="${credentials#*:}";;
  rest)
    credentials=$(cat $secrets/credentials)
    export RESTIC_REST_USERNAME="${credentials%%:*}" RESTIC_REST_PASSWORD="${credentials#*:}";;
  sftp)
    if ! [ -s /tmp/key ]; then
      base64 -d <$secrets/credentials >/tmp/key.$$ 2>/dev/null || { echo 'backupCredentials is not a private key in base64; set it to the output of "base64 -w0 KEYFILE"' >&2; exit 1; }
      mv /tmp/key.$$ /tmp/key
    fi;;
esac

# Without a cache, which would be a copy of the repository's index on this host.
restic_plain() {
  if [ "$KIND" = sftp ]; then
    set -- -o "sftp.args=-F /dev/null -i /tmp/key -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/backup/known_hosts -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=15 -o ServerAliveInterval=15" "$@"
  fi
  ${limit:-} sh -c 'echo $$ >"$0"; exec restic --no-cache --quiet "$@"' "$said.pid" "$@"
}

FULL='no space left|quota|disk full|507 insufficient|storage ?full'
# restic tries a full target again for a quarter of an hour, which it does not become emptier in.
give_up_when_full() {
  while sleep 5; do
    if [ "$(grep -ciE "$FULL" "$said")" -ge 3 ]; then kill "$(cat "$said.pid")"; return; fi
  done
}

# One line for what restic says on stdin, with its exit code $1.
explain() {
  text=$(tr -d '\000-\010\013-\037\177')
  has() { printf '%s' "$text" | grep -qiE -e "$1"; }
  if [ "$1" = 12 ]; then why='the password of the repository is another one; set pinned-stack:backupPassword to the one that it was made with'
  elif has "$FULL"; then why='the target is full; make room there, or keep fewer backups (services.backup.keep)'
  elif has 'unable to remove'; then why='the target lets no backup be removed; where that is meant (append-only), set services.backup.keep: all and remove old ones from another machine'
  elif [ "$1" = 11 ] || has 'unable to create lock|already locked'; then why="another restic works on the repository or has left a lock; wait for its end, or, if there is none: npm run backup -- --stack $STACK --unlock"
  elif has 'host key verification failed|host key is known'; then why="the server's key differs from services.backup.repository.hostKey; verify the new key on the server before you change the setting"
  elif has 'permission denied|access ?denied|InvalidAccessKeyId|signature.*not match|unauthorized|forbidden'; then why='the target refuses the credentials (pinned-stack:backupCredentials), or they may not do this there'
  elif has 'connection refused|no such host|timed? ?out|unreachable|no route|could not resolve|connection reset|server misbehaving'; then why='the target cannot be reached; check services.backup.repository.address, the target and firewalls'
  elif [ "$1" = 10 ] || has 'is there a repository|repository does not exist'; then why="there is no repository at services.backup.repository.address; correct it, or create one: npm run backup -- --stack $STACK --init"
  elif has 'already (exists|initialized)'; then why='there is a repository already; it was not touched'
  elif has 'ciphertext verification failed|invalid data returned|does not match|wrong hash|damaged|no such file|loading tree|not found in (the )?(index|repository)|unexpected (EOF|size|pack)|invalid header|cannot be read|contains errors|loadblob|id mismatch|does not exist'; then why='the repository is damaged; see "Troubleshooting" in the documentation of restic, and start a new repository elsewhere'
  elif [ "$1" = 124 ] || [ "$1" = 143 ]; then why='the target did not answer in time; check services.backup.repository.address, the target and firewalls'
  elif [ "$1" = 3 ]; then why='some files could not be read, so the backup is incomplete'
  else why='restic failed'
  fi
  last=$(printf '%s\n' "$text" | sed -n -e 's/^{.*"message":"\(Fatal: \)*\([^"\\]*\).*/\2/p' -e 's/^Fatal: //p' | head -n 1 | cut -c 1-300)
  if [ -z "$last" ]; then last=$(printf '%s\n' "$text" | grep -v '^ *$' | tail -n 1 | cut -c 1-300); fi
  printf 'FAILED: %s (restic: %s)\n' "$why" "$last"
}

# Runs restic; where it fails, stderr has one line.
ask() {
  said=$(mktemp)
  code=0
  give_up_when_full </dev/null >/dev/null 2>&1 &
  watcher=$!
  restic_plain "$@" 2>"$said" || code=$?
  kill $watcher 2>/dev/null || :
  # It does not fail where it could not remove old backups.
  if [ $code = 0 ] && grep -qi 'unable to remove' "$said"; then code=1; fi
  if [ $code != 0 ]; then explain $code <"$said" >&2; fi
  rm -f "$said" "$said.pid"
  return $code
}

# restic tries again for a quarter of an hour where a target does not answer.
reach() {
  limit='timeout 45'
  ask cat config --no-lock >/dev/null || return 1
  limit=
}

# `20261127T033000Z` as restic reads it.
time_of() { printf '%s\n' "$1" | sed 's/^\(....\)\(..\)\(..\)T\(..\)\(..\)\(..\)Z$/\1-\2-\3 \4:\5:\6/'; }

# save TIME NAME arguments…: one backup. Prints what was added.
save() {
  time=$1
  name=$2
  shift 2
  summary=$(ask backup --json --host "$STACK" --tag "$name" --time "$(time_of "$time")" --group-by host,tags --no-scan "$@") || return 1
  field() { printf '%s\n' "$summary" | sed -n "s/.*\"message_type\":\"summary\".*\"$1\":\([0-9.]*\).*/\1/p" | tail -n 1; }
  log "$name: saved $(field total_bytes_processed) bytes, sent $(field data_added_packed) bytes"
}

newest_dump() { ls /dumps 2>/dev/null | grep -E "^$STACK-postgres-[0-9]+-[0-9]{8}T[0-9]{6}Z\$" | sed 's/.*-\([^-]*\)$/\1 &/' | sort | tail -n 1 | sed 's/.* //'; }

run() {
  time=$1
  if [ "$DUMPS" = yes ]; then
    dump=$(newest_dump)
    if [ -z "$dump" ]; then log 'FAILED: there is no dump of the databases; see the log of the container postgres-dumps'; return 1; fi
    save "$time" postgres "/dumps/$dump" || return 1
  fi
  for volume in $LIVE; do
    save "$time" "${volume%%=*}" "/data/${volume#*=}" || return 1
  done
}

tidy() {
  if [ -z "$KEEP" ]; then return 0; fi
  ask forget --host "$STACK" --group-by host,tags --prune --retry-lock 5m $KEEP >/dev/null
}

# What the clock calls: after the dump of the same time.
scheduled() {
  if [ "$DUMPS" = yes ]; then
    until [ "$(newest_dump | sed 's/.*-//')" \> "$(date -u -d "@$1" +%Y%m%dT%H%M%SZ)" ]; do
      if [ "$(date +%s)" -ge $(($1 + 3600)) ]; then log 'FAILED: there is no new dump of the databases; see the log of the container postgres-dumps; nothing was saved'; return 1; fi
      sleep 5
    done
  fi
  reach
  # Only locks of programs that have ended.
  ask unlock >/dev/null
  time=$(date -u +%Y%m%dT%H%M%SZ)
  run "$time"
  log 'the backup is complete'
  noted daily "$time"
  # What fails here says so, and is no reason to save everything again.
  tidy || :
  ask check >/dev/null || :
}
work() { alone scheduled "$1"; }

# Remembers that $1 is done, with the backup $2. The folder is a volume that the start page reads.
noted() {
  printf '%s %s\n' "$(date +%s)" "$2" >"/status/.$1"
  mv "/status/.$1" "/status/$1"
  report
}

# Sets $since, in seconds since the epoch, and $of, the backup; both empty for what was never noted.
read_status() {
  since='' of=''
  if [ -s "/status/$1" ]; then read -r since of <"/status/$1"; fi
}

# age NAME: `20261127T033000Z, 5 hours ago`
age() {
  read_status "$1"
  if [ -z "$since" ]; then echo never; return; fi
  hours=$((($(date +%s) - since) / 3600))
  echo "$of, $hours hours ago"
}

# is_old NAME: older than two days, or never. As `npm run doctor`.
is_old() {
  read_status "$1"
  [ -z "$since" ] || [ $(($(date +%s) - since)) -gt 172800 ]
}

# What the page for administrators shows.
report() {
  {
    echo "Backups of stack $STACK, as of $(date -u +%Y-%m-%dT%H:%MZ)"
    echo
    echo "last daily backup:                      $(age daily)"
    echo "last backup of everything (--now):      $(age full)"
    echo "last backup restored on trial (--verify): $(age proved)"
    echo
    if is_old daily && is_old full; then echo "WARNING: no backup for two days; see the logs of the containers backup and postgres-dumps"; fi
    if [ "$NOW_ALONE" != '' ] && is_old full; then echo "WARNING: only a backup of everything saves $NOW_ALONE; run: npm run backup -- --stack $STACK --now"; fi
    if is_old proved; then echo "WARNING: no backup was restored on trial for two days; run: npm run backup -- --stack $STACK --verify"; fi
  } >/status/.backups.txt
  # Without secrets, for the user of the start page.
  chmod 0644 /status/.backups.txt
  mv /status/.backups.txt /status/backups.txt
}

command=${1:-}
if [ $# -gt 0 ]; then shift; fi
case $command in
  forever) forever;;
  alive) alive;;
  run|save|tidy) alone "$command" "$@";;
  take) alone save "$1" "$2" --stdin --stdin-filename "/export/$2";;
  reach) reach;;
  list) reach; ask snapshots --no-lock --json;;
  # Nothing that takes long; restic would try a refused login for a quarter of an hour.
  init) limit='timeout 60'; ask init >/dev/null;;
  # Of programs that still run, too.
  unlock) reach; ask unlock --remove-all >/dev/null;;
  check) reach; ask check >/dev/null;;
  noted) noted "$1" "$2";;
  proved) cat /status/proved 2>/dev/null || :;;
  files) ask ls --no-lock --json "$1";;
  file) ask dump --no-lock "$1" "$2";;
  # The folder itself, with its owner, is only in an archive of what is around it.
  tar) ask dump --no-lock -a tar "$1:/data" /;;
esac
