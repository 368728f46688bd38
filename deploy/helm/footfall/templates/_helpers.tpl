{{/* What every object and every pod of the chart has in common. A role is "collector", "processor", "dashboard" or "migrate". */}}

{{- define "footfall.name" -}}
{{- printf "%s-%s" .root.Release.Name .role | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "footfall.selector" -}}
app.kubernetes.io/name: footfall
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "footfall.labels" -}}
{{ include "footfall.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* The role's own tag or digest, or else the common one: an upgrade has an order (deploy/README.md). */}}
{{- define "footfall.image" -}}
{{- $image := .root.Values.image -}}
{{- $own := (index .root.Values .role | default dict).image | default dict -}}
{{- $version := ternary $own $image (or $own.tag $own.digest | empty | not) -}}
{{- if $version.digest -}}{{ $image.repository }}@{{ $version.digest }}{{- else -}}{{ $image.repository }}:{{ $version.tag | default .root.Chart.AppVersion }}{{- end -}}
{{- end -}}

{{/* Pods that fit the restricted Pod Security Standard. */}}
{{- define "footfall.pod" -}}
serviceAccountName: {{ ternary "default" .root.Release.Name (eq .role "migrate") }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: { matchLabels: {{ include "footfall.selector" . | fromYaml | toJson }} }
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: { matchLabels: {{ include "footfall.selector" . | fromYaml | toJson }} }
{{- end -}}

{{- define "footfall.container" -}}
image: {{ include "footfall.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: [{{ .role }}]
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{/* Liveness is /healthz: a role whose neighbours are away is alive, and a restart would make a processor replay. */}}
{{- define "footfall.probes" -}}
ports:
  - { name: http, containerPort: 8080, protocol: TCP }
startupProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 2, failureThreshold: 60 }
livenessProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 6 }
readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 }
{{- end -}}

{{- define "footfall.env.common" -}}
- { name: FOOTFALL_LISTEN, value: "0.0.0.0:8080" }
- { name: FOOTFALL_LOG, value: {{ .root.Values.log | quote }} }
{{- end -}}

{{- define "footfall.env.kafka" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $user := index $kafka.users .role -}}
- { name: FOOTFALL_KAFKA, value: {{ join "," $kafka.servers | quote }} }
- { name: FOOTFALL_KAFKA_PREFIX, value: {{ $kafka.prefix | quote }} }
- { name: FOOTFALL_KAFKA_PARTITIONS, value: {{ $kafka.partitions | quote }} }
- { name: FOOTFALL_KAFKA_REPLICATION, value: {{ $kafka.replication | quote }} }
- { name: FOOTFALL_KAFKA_IN_SYNC, value: {{ $kafka.inSync | quote }} }
- { name: FOOTFALL_KAFKA_USER, value: {{ $user.name | quote }} }
- { name: FOOTFALL_KAFKA_PASSWORD_FILE, value: /run/secrets/footfall/kafka }
- { name: FOOTFALL_KAFKA_MECHANISM, value: {{ $kafka.mechanism | quote }} }
- { name: FOOTFALL_KAFKA_TLS, value: {{ $kafka.tls | quote }} }
{{- if and $kafka.tls $kafka.authority.secret }}
- { name: FOOTFALL_KAFKA_AUTHORITIES, value: /run/secrets/footfall/kafka-authority }
{{- end }}
{{- end -}}

{{- define "footfall.env.clickhouse" -}}
{{- $clickhouse := .root.Values.clickhouse -}}
{{- $user := index $clickhouse.users .role -}}
- { name: FOOTFALL_CLICKHOUSE, value: {{ $clickhouse.url | quote }} }
- { name: FOOTFALL_CLICKHOUSE_DATABASE, value: {{ $clickhouse.database | quote }} }
- { name: FOOTFALL_CLICKHOUSE_USER, value: {{ $user.name | quote }} }
- { name: FOOTFALL_CLICKHOUSE_PASSWORD_FILE, value: /run/secrets/footfall/clickhouse }
{{- with $clickhouse.cluster }}
- { name: FOOTFALL_CLICKHOUSE_CLUSTER, value: {{ . | quote }} }
{{- end }}
{{- end -}}

{{/* As the binary has it where no port is named. */}}
{{- define "footfall.mail.port" -}}
{{- .root.Values.mail.port | default (get (dict "starttls" 587 "tls" 465 "none" 25) .root.Values.mail.tls) | int -}}
{{- end -}}

{{- define "footfall.env.mail" -}}
{{- $mail := .root.Values.mail -}}
- { name: FOOTFALL_MAIL_HOST, value: {{ $mail.host | quote }} }
- { name: FOOTFALL_MAIL_TLS, value: {{ $mail.tls | quote }} }
- { name: FOOTFALL_MAIL_PORT, value: {{ include "footfall.mail.port" . | quote }} }
- { name: FOOTFALL_MAIL_FROM, value: {{ $mail.from | quote }} }
- { name: FOOTFALL_MAIL_URL, value: {{ $mail.url | quote }} }
{{- with $mail.user }}
- { name: FOOTFALL_MAIL_USER, value: {{ . | quote }} }
- { name: FOOTFALL_MAIL_PASSWORD_FILE, value: /run/secrets/footfall/mail }
{{- end }}
{{- end -}}

{{/* The role's own passwords and nobody else's, in one directory in memory. */}}
{{- define "footfall.secrets" -}}
{{- $values := .root.Values -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- if ne .role "migrate" }}
      {{- $user := index $values.kafka.users .role }}
      - secret: { name: {{ $user.secret }}, items: [{ key: {{ $user.key }}, path: kafka }] }
      {{- if and $values.kafka.tls $values.kafka.authority.secret }}
      - secret: { name: {{ $values.kafka.authority.secret }}, items: [{ key: {{ $values.kafka.authority.key }}, path: kafka-authority }] }
      {{- end }}
      {{- end }}
      {{- if ne .role "collector" }}
      {{- $user := index $values.clickhouse.users .role }}
      - secret: { name: {{ $user.secret }}, items: [{ key: {{ $user.key }}, path: clickhouse }] }
      {{- end }}
      {{- if eq .role "dashboard" }}
      - secret: { name: {{ $values.database.secret }}, items: [{ key: {{ $values.database.key }}, path: postgres }] }
      {{- if and $values.mail.host $values.mail.user }}
      - secret: { name: {{ $values.mail.secret }}, items: [{ key: {{ $values.mail.key }}, path: mail }] }
      {{- end }}
      {{- end }}
{{- end -}}

{{- define "footfall.claim" -}}
metadata:
  name: {{ .name }}
  labels: {{- include "footfall.selector" . | nindent 4 }}
spec:
  accessModes: [{{ .mode | default "ReadWriteOnce" }}]
  {{- with .volume.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources: { requests: { storage: {{ .volume.size }} } }
{{- end -}}
