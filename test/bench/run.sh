# `npm run bench`: the set-up of a clone, then the benchmarks; everything but their tables goes to stderr.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P) || exit 1
cd "$here" || exit 1
. agentsh/setup.sh
check_node
install_dependencies
install_packages bwrap:bubblewrap fusermount3:fuse3
build
exec node dist/test/bench/main.js "$@"
