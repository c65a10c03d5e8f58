{{/* What every object of the release is labelled with. */}}
{{- define "slipway.labels" -}}
app.kubernetes.io/name: slipway-controller
app.kubernetes.io/part-of: slipway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* An image of ours: whole, or by registry, name and tag. */}}
{{- define "slipway.image" -}}
{{- $image := index .root.Values.image .whole -}}
{{- if $image -}}
{{ $image }}
{{- else -}}
{{ required "set image.registry to where `make images` pushed" .root.Values.image.registry }}/slipway-{{ .whole }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Who the API server sees when the operator asks. */}}
{{- define "slipway.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:slipway-controller
{{- end }}
