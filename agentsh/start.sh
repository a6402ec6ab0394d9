# `npm start`: set-up where it is needed, then agentsh over the directory it was called from.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
called_from=${INIT_CWD:-$PWD}
cd "$here" || exit 1
. agentsh/setup.sh
check_node
install_dependencies
build
install_packages bwrap:bubblewrap fusermount3:fuse3
cd "$called_from" || exit 1
# npm's own variables are of no concern to what runs.
for name in $(env | sed -n 's/^\(npm_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done
unset INIT_CWD
exec node "$here/dist/agentsh/main.js" "$@"
