{{/* What selects the pod, and what all else is found by. */}}
{{- define "mcp-fastd.labels" -}}
app.kubernetes.io/name: mcp-fastd
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Settings: what has a key of its own in values.yaml, over what is given, over the names by
     which clients come. JSON is what every setting can be written in. */}}
{{- define "mcp-fastd.settings" -}}
{{- $listens := dict "bind" (printf "0.0.0.0:%v" .Values.port) }}
{{- $_ := set $listens "admin_bind" (printf "0.0.0.0:%v" .Values.adminPort) }}
{{- $times := dict "shutdown_delay" .Values.shutdownDelay "shutdown_grace" .Values.shutdownGrace }}
{{- $own := merge (dict "dataset" "/data/library.db") $listens $times }}
{{- $namespaced := printf "%s.%s" .Release.Name .Release.Namespace }}
{{- $hosts := list .Release.Name $namespaced (printf "%s.svc" $namespaced) }}
{{- $hosts = append $hosts (printf "%s.svc.cluster.local" $namespaced) }}
{{- $guard := dict "allowed_hosts" $hosts }}
{{- with .Values.ingress }}
{{- if .enabled }}
{{- $scheme := ternary "https" "http" (not (empty .tlsSecret)) }}
{{- $_ := set $guard "public_url" (printf "%s://%s" $scheme .host) }}
{{- end }}
{{- end }}
{{- merge $own (deepCopy .Values.settings) (dict "guard" $guard) | toPrettyJson }}
{{- end }}

{{/* The name of the pod's account, if it is another than the namespace's default. */}}
{{- define "mcp-fastd.account" -}}
{{- .Values.serviceAccount.name | default (ternary .Release.Name "" .Values.serviceAccount.create) }}
{{- end }}
