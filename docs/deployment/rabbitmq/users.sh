#!/bin/sh
# Makes Hundred's virtual host and user, once, as root: users.sh < FILE-WITH-THE-PASSWORD
# The user may touch the one queue and the exchange of its name, and nothing else.
set -eu
password=$(cat)
rabbitmqctl add_vhost hundred < /dev/null
# From standard input: other users see the arguments of a process.
printf '%s\n' "$password" | rabbitmqctl add_user hundred
rabbitmqctl set_permissions --vhost hundred hundred '^hundred$' '^(hundred|amq\.default)$' '^hundred$' < /dev/null
# The user of the installation has a known password.
rabbitmqctl delete_user guest < /dev/null
