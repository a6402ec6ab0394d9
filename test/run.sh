# `npm test`: the set-up of a clone, what the tests need besides, then every check and test.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
cd "$here" || exit 1
. agentsh/setup.sh
check_node
install_dependencies
install_packages bwrap:bubblewrap fusermount3:fuse3
install_packages git:git gcc:gcc python3:python3 sqlite3:sqlite3 strace:strace setfacl:acl setfattr:attr useradd:passwd
install_packages make:make rsync:rsync fio:fio
[ -e /usr/include/stdlib.h ] || install_packages c-headers:libc6-dev

if [ ! -e /dev/fuse ]; then
  say '/dev/fuse is missing: the tests mount for real and cannot pass here'
  say 'load the module (modprobe fuse), or start the container with --device /dev/fuse --cap-add SYS_ADMIN'
  exit 1
fi

failed=
check() {
  title=$1
  shift
  say "$title"
  "$@" >&2 || failed="$failed, $title"
}
check 'format and lint' npx biome check .
check 'types' node node_modules/typescript/bin/tsc -p tsconfig.json --noEmit --incremental false
if [ -n "$failed" ]; then
  say "failed:${failed#,}"
  exit 1
fi
build

say 'tests'
# --allowOnly=false: a forgotten `only` would hide the rest. The marker says that no other run shares this machine.
AGENTSH_TEST_EXCLUSIVE=${AGENTSH_TEST_EXCLUSIVE:-1} exec npx vitest run --allowOnly=false "$@"
