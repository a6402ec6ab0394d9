# `npm run test:agents`: the set-up of a clone, what the programs need besides, then the programs one after the other.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P) || exit 1
cd "$here" || exit 1
. agentsh/setup.sh
check_node
install_dependencies
install_packages bwrap:bubblewrap fusermount3:fuse3 git:git python3:python3 script:bsdutils setfacl:acl useradd:passwd
/usr/bin/python3 -c 'import ensurepip' 2>/dev/null || install_packages python-venv:python3-venv
build

if [ ! -e /dev/fuse ]; then
  say '/dev/fuse is missing: load the module (modprobe fuse), or start the container with --device /dev/fuse --cap-add SYS_ADMIN'
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  chmod 0666 /dev/fuse
  id agentsh-test >/dev/null 2>&1 || useradd --create-home --shell /bin/bash agentsh-test
fi
exec node "$here/dist/test/agents/main.js" "$@"
