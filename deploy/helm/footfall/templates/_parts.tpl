{{/* Objects that more than one role has. */}}

{{- define "footfall.service" -}}
{{- $name := include "footfall.name" . }}
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels: {{- include "footfall.labels" . | nindent 4 }}
spec:
  type: ClusterIP
  selector: {{- include "footfall.selector" . | nindent 4 }}
  ports:
    - { name: http, port: 80, targetPort: http, protocol: TCP }
{{- end -}}

{{/* Gives the pods of a StatefulSet their names, and Prometheus all of them, ready or not. */}}
{{- define "footfall.pods" -}}
{{- $name := include "footfall.name" . }}
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}-pods
  labels: {{- include "footfall.labels" . | nindent 4 }}
spec:
  type: ClusterIP
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {{- include "footfall.selector" . | nindent 4 }}
  ports:
    - { name: pods, port: 8080, targetPort: http, protocol: TCP }
{{- end -}}

{{- define "footfall.budget" -}}
{{- $name := include "footfall.name" . }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  labels: {{- include "footfall.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector: { matchLabels: {{ include "footfall.selector" . | fromYaml | toJson }} }
{{- end -}}

{{- define "footfall.ingress" -}}
{{- $name := include "footfall.name" . }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ $name }}
  labels: {{- include "footfall.labels" . | nindent 4 }}
  {{- with .ingress.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .ingress.tlsSecret }}
  tls: [{ secretName: {{ . }}, hosts: [{{ $.ingress.host | quote }}] }]
  {{- end }}
  rules:
    - host: {{ required "an ingress needs a host; collector and dashboard have different ones" .ingress.host | quote }}
      http:
        paths:
          {{- if eq .role "collector" }}
          # What pages need. /metrics, /healthz and /readyz stay inside.
          {{- range list "/api/event" "/pixel.gif" "/js/" "/privacy" "/.well-known/gpc.json" }}
          - { path: {{ . }}, pathType: Prefix, backend: { service: { name: {{ $name }}, port: { name: http } } } }
          {{- end }}
          {{- else }}
          - { path: /, pathType: Prefix, backend: { service: { name: {{ $name }}, port: { name: http } } } }
          {{- end }}
{{- end -}}
