#!/usr/bin/env bash
# Checks the deployment files with the tools of those who will read them, without running a container or a cluster: the
# loader of compose files, hadolint, Helm with Kubernetes' own schemas (strict), systemd, promtool, yamllint, shellcheck.
# deploy/README.md says what that shows and what it does not. scripts/lint-needs.sh puts the tools here.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/lint-needs.sh
tools="${FOOTFALL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/footfall}/lint"
kubernetes=(1.31.0 1.34.0)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# quietly WHAT COMMAND...: its output only when it fails.
quietly() {
    local what=$1
    shift
    "$@" >"$work/said" 2>&1 && return
    echo "lint-deploy: $what:" >&2
    cat "$work/said" >&2
    exit 1
}

quietly shell shellcheck scripts/*.sh deploy/*.sh deploy/*/*.sh
quietly YAML yamllint --strict --config-data \
    '{extends: default, rules: {line-length: {max: 260}, document-start: disable, braces: {max-spaces-inside: 1}, comments: {min-spaces-from-content: 1}, truthy: {check-keys: false}}}' \
    docker-compose.yml deploy/compose deploy/prometheus deploy/grafana deploy/kubernetes deploy/helm/footfall/{Chart,values}.yaml
quietly Dockerfile "$tools/python/bin/hadolint" --failure-threshold info deploy/Dockerfile

# Every file that the compose file mounts is here; then its schema, references, profiles.
quietly "compose file" "$tools/compose" docker-compose.yml
quietly "compose file with mail.yml" "$tools/compose" docker-compose.yml deploy/compose/mail.yml
while read -r file; do
    [ -e "$file" ] || { echo "lint-deploy: docker-compose.yml mounts $file, which is not here" >&2; exit 1; }
done < <(grep -oE '^ *- \./[^:]+' docker-compose.yml | sed 's/^ *- //')

everything=serviceMonitor.enabled=true,prometheusRule.enabled=true,processor.autoscaling.enabled=true
everything+=,collector.ingress.enabled=true,collector.ingress.host=c.example.com,collector.ingress.tlsSecret=tls
everything+=,dashboard.ingress.enabled=true,dashboard.ingress.host=d.example.com,processor.keys.existingClaim=keys
mail=mail.host=smtp.example.com,mail.from=footfall@example.com,mail.url=https://d.example.com
everything+=",$mail,mail.user=footfall,mail.secret=mail,networkPolicy.mail.cidrs={192.0.2.25/32},collector.image.tag=0.0.9"
for version in "${kubernetes[@]}"; do
    for values in networkPolicy.enabled=true "$everything" collector.autoscaling.enabled=false,networkPolicy.enabled=false,kafka.tls=false; do
        quietly "chart ($values)" "$tools/helm" lint --strict --kube-version "$version" --set "$values" deploy/helm/footfall
        "$tools/helm" template footfall deploy/helm/footfall --namespace footfall --kube-version "$version" --set "$values" \
            >"$work/all.yaml" 2>"$work/said" || { cat "$work/said" >&2; exit 1; }
        # Kinds that are not Kubernetes' own have no schema here: they are set aside, and named in deploy/README.md.
        "$tools/python/bin/python" - "$work/all.yaml" "$work/own.yaml" <<'PYTHON'
import sys, yaml
own = [one for one in yaml.safe_load_all(open(sys.argv[1])) if one and not one["apiVersion"].split("/")[0].endswith((".com", ".sh"))]
names = [(one["kind"], one["metadata"]["name"]) for one in own]
assert len(names) == len(set(names)) and len(names) > 10, names
yaml.safe_dump_all(own, open(sys.argv[2], "w"))
PYTHON
        quietly "Kubernetes $version ($values)" "$tools/python/bin/python" -m kubernetes_validate --strict --quiet --no-warn \
            -k "${version%.*}" "$work/own.yaml"
    done
done
# A value that does not exist, a mail server without a sender and an address, a user without a password.
for values in colector.replicas=3 mail.host=smtp.example.com "$mail,mail.user=footfall"; do
    if "$tools/helm" template footfall deploy/helm/footfall --kube-version 1.34.0 --set "$values" >/dev/null 2>&1; then
        echo "lint-deploy: the chart took $values" >&2
        exit 1
    fi
done

# systemd looks for the binary, which a build machine does not have installed.
for unit in deploy/systemd/*.service; do
    sed 's|/usr/local/bin/footfall|/bin/true|' "$unit" >"$work/$(basename "$unit")"
done
quietly "systemd units" systemd-analyze verify "$work"/*.service
[ ! -s "$work/said" ] || { cat "$work/said" >&2; exit 1; }
for unit in "$work"/*.service; do
    quietly "hardening of $(basename "$unit")" systemd-analyze security --offline=yes --threshold=20 --no-pager "$unit"
done

quietly "Prometheus settings" promtool check config deploy/prometheus/prometheus.yml
quietly "Prometheus rules" promtool check rules deploy/prometheus/rules/footfall.yml
quietly "alerts" promtool test rules deploy/prometheus/tests/alerts.yml
for dashboard in dashboards/*.json; do
    quietly "$dashboard" python3 -m json.tool "$dashboard"
done
