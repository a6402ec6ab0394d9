# Makes a clone ready to run: locked dependencies, system packages, build. Sourced by start.sh and test/run.sh.
#
# Everything it says goes to stderr, so that stdout stays the command's own. A step that is done already costs
# one comparison of times. Written for dash: no arrays, no [[.

say() {
  printf 'agentsh: %s\n' "$*" >&2
}

# Ends the set-up: $1 is the reason, $2 the line to run.
give_up() {
  say "$1"
  [ -z "${2:-}" ] || say "to go on, run: $2"
  exit 5
}

check_node() {
  command -v node >/dev/null 2>&1 || give_up 'Node.js 20.19 or newer is needed' 'apt-get install nodejs npm'
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    give_up "Node.js 20.19 or newer is needed, this is $(node --version)" 'https://nodejs.org/en/download'
}

# Two at once wait for each other: npm and tsc both write files that the other would read half-done.
with_lock() {
  mkdir -p node_modules/.cache
  if command -v flock >/dev/null 2>&1; then
    flock node_modules/.cache/setup.lock sh -c "$1" >&2
  else
    sh -c "$1" >&2
  fi
}

# npm writes node_modules/.package-lock.json last: it is the stamp of a complete installation.
install_dependencies() {
  stamp=node_modules/.package-lock.json
  if [ -e "$stamp" ] && [ -z "$(find package-lock.json -newer "$stamp")" ]; then return; fi
  say 'installing the locked dependencies'
  # `npm i -g .` hands its own place and its being global to the scripts it runs.
  env -u npm_config_global -u npm_config_location -u npm_config_prefix -u npm_config_local_prefix \
    -u npm_config_global_prefix npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
    give_up 'npm could not install the dependencies' 'npm ci --ignore-scripts'
  touch "$stamp"
}

sources_changed() {
  [ ! -e dist/.built ] || [ ! -e dist/agentsh/main.js ] ||
    [ -n "$(find fs policy agentsh test tsconfig.json package-lock.json \( -name '*.ts' -o -name '*.json' \) -newer dist/.built -print -quit)" ]
}

# The stamp gets the time from before the build, so that a source saved during it counts as newer.
build() {
  sources_changed || return 0
  say 'building'
  with_lock '
    # Without a stamp dist may be gone or half there, which the incremental record does not know.
    [ -e dist/.built ] || rm -f node_modules/.cache/tsc.tsbuildinfo
    mkdir -p dist && touch dist/.building
    node node_modules/typescript/bin/tsc -p tsconfig.json
    status=$?
    mv dist/.building dist/.built
    exit $status
  ' || {
    if [ "${AGENTSH_BUILD_STRICT:-1}" = 1 ]; then
      rm -f dist/.built
      give_up 'the build failed (see above)' ''
    fi
    say 'the build has errors (see above)'
  }
}

# $@ are pairs PROGRAM:PACKAGE. As root they are installed, else the line to run is printed and set-up goes on:
# what cannot work without them says so itself.
install_packages() {
  missing=
  for pair in "$@"; do
    program=${pair%%:*}
    command -v "$program" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    say "missing:$missing"
    say "to install them, run: sudo apt-get install -y$missing"
    return 0
  fi
  command -v apt-get >/dev/null 2>&1 || {
    say "missing:$missing (install them with this system's package manager)"
    return 0
  }
  say "installing:$missing"
  # The package lists of a fresh machine may be old or absent: the first failure is answered by an update.
  # shellcheck disable=SC2086
  {
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >&2 ||
      { apt-get update >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >&2; }
  } || say "could not install:$missing"
}

# npm's `prepare`: builds where the compiler is there. `npm i -g .` links a clone whose own dependencies may be missing.
prepare() {
  install_dependencies
  build
}
