#!/bin/sh
# Schema and first keys. Safe to repeat: a key that was made is not made again.
set -eu
umask 077
headway migrate

make_key() {  # role, file, name
    [ -s "$2" ] && return
    headway keys create --role "$1" --name "$3" > "$2.new"
    mv "$2.new" "$2"
}
make_key admin /run/headway/secrets/admin.key "first admin"
# An editor's: a worker creates the study of its objective where there is none.
make_key editor /run/headway/keys/worker.key "compose workers"
