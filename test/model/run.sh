# `npm run test:model`: the set-up of a clone, then random operations on a real mount, as many as are asked for.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P) || exit 1
cd "$here" || exit 1
. agentsh/setup.sh
check_node
install_dependencies
install_packages bwrap:bubblewrap fusermount3:fuse3 useradd:passwd
build
exec node dist/test/model/main.js "$@"
