{{- define "retrain.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 33 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 33 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 33 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What Services and Deployments select by. It never changes. */}}
{{- define "retrain.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "retrain.labels" -}}
{{ include "retrain.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: retrain
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* An image: (dict "root" $ "name" "retrain" "suffix" "-gpu"). */}}
{{- define "retrain.image" -}}
{{- $i := .root.Values.image -}}
{{- $name := printf "%s:%s%s" .name ($i.tag | default .root.Chart.AppVersion) (.suffix | default "") -}}
{{- if $i.registry }}{{ printf "%s/%s" (trimSuffix "/" $i.registry) $name }}{{ else }}{{ $name }}{{ end -}}
{{- end -}}

{{- define "retrain.controlImage" -}}
{{- include "retrain.image" (dict "root" . "name" .Values.image.control) -}}
{{- end -}}

{{- define "retrain.serviceAccount" -}}
{{- if .root.Values.serviceAccounts.create }}{{ include "retrain.fullname" .root }}-{{ .role }}{{ else }}default{{ end -}}
{{- end -}}

{{- define "retrain.secretName" -}}{{ include "retrain.fullname" . }}-keys{{- end -}}

{{/* HOST:PORT of a single Redis, by a name that other namespaces understand. */}}
{{- define "retrain.redisAddr" -}}
{{- if .Values.trialRedis.enabled -}}
{{ include "retrain.fullname" . }}-redis.{{ .Release.Namespace }}.svc:6379
{{- else -}}
{{ .Values.redis.addr }}
{{- end -}}
{{- end -}}

{{/* The retrain.yaml of all pods. Nothing in it is secret. */}}
{{- define "retrain.config" -}}
{{- $r := .Values.redis -}}
{{- $redis := dict -}}
{{- with include "retrain.redisAddr" . }}{{ $_ := set $redis "addr" . }}{{ end -}}
{{- with $r.db }}{{ $_ := set $redis "db" (int .) }}{{ end -}}
{{- with $r.username }}{{ $_ := set $redis "username" . }}{{ end -}}
{{- with $r.cluster }}{{ $_ := set $redis "cluster" . }}{{ end -}}
{{- if $r.sentinel.master -}}
{{- $s := dict "master" $r.sentinel.master "addrs" $r.sentinel.addrs -}}
{{- with $r.sentinel.username }}{{ $_ := set $s "username" . }}{{ end -}}
{{- $_ := set $redis "sentinel" $s -}}
{{- end -}}
{{- if $r.tls.enabled -}}
{{- $tls := dict -}}
{{- if $r.tls.existingSecret -}}
{{- range $key, $file := dict "ca" $r.tls.caKey "cert" $r.tls.certKey "key" $r.tls.privateKeyKey -}}
{{- if $file }}{{ $_ := set $tls $key (printf "/etc/retrain/redis-tls/%s" $file) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- with $r.tls.serverName }}{{ $_ := set $tls "serverName" . }}{{ end -}}
{{- with $r.tls.insecureSkipVerify }}{{ $_ := set $tls "insecureSkipVerify" . }}{{ end -}}
{{- $_ := set $redis "tls" $tls -}}
{{- end -}}
{{- $s3 := dict "bucket" .Values.s3.bucket "region" .Values.s3.region -}}
{{- range $key := list "prefix" "endpoint" "pathStyle" "assumeRole" "externalId" "encryption" "kmsKey" }}{{ with index $.Values.s3 $key }}{{ $_ := set $s3 $key . }}{{ end }}{{ end -}}
{{- with $.Values.s3.ca }}{{ if .existingSecret }}{{ $_ := set $s3 "ca" (printf "/etc/retrain/s3-ca/%s" .key) }}{{ end }}{{ end -}}
{{- toYaml (dict "redis" $redis "s3" $s3 "predictUrl" (printf "http://%s-predictor:%d" (include "retrain.fullname" .) (int .Values.predictor.service.port))) -}}
{{- end -}}

{{/* What changes the pods when it changes. */}}
{{- define "retrain.checksums" -}}
checksum/config: {{ include "retrain.config" . | sha256sum }}
{{- end -}}

{{/* The environment of all containers. */}}
{{- define "retrain.env" -}}
- {name: RETRAIN_CONFIG, value: /etc/retrain/config/retrain.yaml}
- {name: RETRAIN_LOG_FORMAT, value: {{ .Values.logFormat | quote }}}
{{- if .Values.verbose }}
- {name: RETRAIN_VERBOSE, value: "true"}
{{- end }}
- {name: HOME, value: /tmp}
- name: RETRAIN_API_KEY
  valueFrom: {secretKeyRef: {name: {{ .Values.apiKey.existingSecret | default (include "retrain.secretName" .) | quote }}, key: {{ ternary .Values.apiKey.key "apiKey" (ne .Values.apiKey.existingSecret "") | quote }}}}
{{- with .Values.redis.existingSecret }}
{{- if .name }}
- name: RETRAIN_REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .passwordKey | quote }}}}
{{- if .sentinelPasswordKey }}
- name: RETRAIN_REDIS_SENTINEL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .sentinelPasswordKey | quote }}}}
{{- end }}
{{- else if $.Values.trialRedis.enabled }}
- name: RETRAIN_REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "retrain.secretName" $ | quote }}, key: redisPassword}}
{{- end }}
{{- end }}
{{- with .Values.s3.existingSecret }}
{{- if .name }}
- name: RETRAIN_S3_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .accessKeyIdKey | quote }}}}
- name: RETRAIN_S3_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ .name | quote }}, key: {{ .secretAccessKeyKey | quote }}}}
{{- end }}
{{- end }}
{{- end -}}

{{- define "retrain.volumeMounts" -}}
- {name: config, mountPath: /etc/retrain/config, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if and .Values.redis.tls.enabled .Values.redis.tls.existingSecret }}
- {name: redis-tls, mountPath: /etc/retrain/redis-tls, readOnly: true}
{{- end }}
{{- if .Values.s3.ca.existingSecret }}
- {name: s3-ca, mountPath: /etc/retrain/s3-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- define "retrain.volumes" -}}
- {name: config, configMap: {name: {{ include "retrain.fullname" . }}}}
- {name: tmp, emptyDir: {}}
{{- if and .Values.redis.tls.enabled .Values.redis.tls.existingSecret }}
- {name: redis-tls, secret: {secretName: {{ .Values.redis.tls.existingSecret | quote }}, defaultMode: 0440}}
{{- end }}
{{- if .Values.s3.ca.existingSecret }}
- {name: s3-ca, secret: {secretName: {{ .Values.s3.ca.existingSecret | quote }}, defaultMode: 0440}}
{{- end }}
{{- end -}}

{{/* A pod's own settings, and where it may run: (dict "root" $ "of" .Values.producer "role" "producer"). */}}
{{- define "retrain.pod" -}}
serviceAccountName: {{ include "retrain.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false # a Service called retrain-… would make variables that begin with RETRAIN_
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .of.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .of.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- with .of.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $tolerations := .of.tolerations | default list }}
{{- if and (gt (int (.of.gpus | default 0)) 0) (ne .of.tolerateGpuTaint false) }}
{{- $tolerations = append $tolerations (dict "key" "nvidia.com/gpu" "operator" "Exists" "effect" "NoSchedule") }}
{{- end }}
{{- with $tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .of.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml .of.topologySpreadConstraints | nindent 2 }}
{{- else if .root.Values.spreadOver }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ .root.Values.spreadOver }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "retrain.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
        {{- with .pool }}
        retrain/pool: {{ . }}
        {{- end }}
{{- end }}
{{- end -}}

{{/* A container's resources, with its GPUs: (dict "of" .Values.predictor). Limits alone: requests of GPUs follow them. */}}
{{- define "retrain.resources" -}}
{{- $r := deepCopy (.of.resources | default dict) -}}
{{- if gt (int (.of.gpus | default 0)) 0 -}}
{{- $_ := set $r "limits" (merge (dict .of.gpuResource (int .of.gpus)) ($r.limits | default dict)) -}}
{{- end -}}
{{- toYaml $r -}}
{{- end -}}

{{/* What TensorFlow on a GPU wants to know. */}}
{{- define "retrain.gpuEnv" -}}
{{- if gt (int (.gpus | default 0)) 0 }}
- {name: TF_FORCE_GPU_ALLOW_GROWTH, value: "true"} # otherwise it takes all memory at once
- {name: CUDA_CACHE_PATH, value: /var/cache/retrain/cuda}
{{- end }}
{{- end -}}

{{/* A pool with its defaults filled in; lists and strings that are set replace the defaults. As JSON. */}}
{{- define "retrain.poolSettings" -}}
{{- $p := deepCopy .root.Values.trainerDefaults -}}
{{- range $key, $value := .pool -}}
{{- if kindIs "map" $value }}{{ $_ := set $p $key (mergeOverwrite (deepCopy (index $p $key | default dict)) $value) }}{{ else }}{{ $_ := set $p $key $value }}{{ end -}}
{{- end -}}
{{- toJson $p -}}
{{- end -}}

{{/* What all steps of `helm test` share. */}}
{{- define "retrain.testStep" -}}
image: {{ include "retrain.controlImage" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- include "retrain.env" . | nindent 2 }}
resources:
  {{- toYaml .Values.producer.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  {{- include "retrain.volumeMounts" . | nindent 2 }}
  - {name: test, mountPath: /etc/retrain/test, readOnly: true}
{{- end -}}

{{/* What contradicts itself, said before anything is installed. */}}
{{- define "retrain.check" -}}
{{- $r := .Values.redis -}}
{{- $named := list -}}
{{- if $r.addr }}{{ $named = append $named "redis.addr" }}{{ end -}}
{{- if $r.sentinel.master }}{{ $named = append $named "redis.sentinel" }}{{ end -}}
{{- if $r.cluster }}{{ $named = append $named "redis.cluster" }}{{ end -}}
{{- if .Values.trialRedis.enabled }}{{ $named = append $named "trialRedis" }}{{ end -}}
{{- if not $named }}{{ fail "where is Redis? Set redis.addr, redis.sentinel or redis.cluster; trialRedis.enabled=true makes one for a trial" }}{{ end -}}
{{- if gt (len $named) 1 }}{{ fail (printf "%s exclude each other" (join " and " $named)) }}{{ end -}}
{{- if and $r.sentinel.master (not $r.sentinel.addrs) }}{{ fail "redis.sentinel.addrs is missing" }}{{ end -}}
{{- if and $r.cluster (ne (int $r.db) 0) }}{{ fail "redis.db: a cluster has only 0" }}{{ end -}}
{{- if and .Values.trialRedis.enabled $r.tls.enabled }}{{ fail "the trial's Redis has no TLS" }}{{ end -}}
{{- if ne (empty $r.tls.certKey) (empty $r.tls.privateKeyKey) }}{{ fail "redis.tls.certKey and privateKeyKey belong together" }}{{ end -}}
{{- $names := list -}}
{{- range .Values.pools -}}
{{- if has .name $names }}{{ fail (printf "two pools are named %s" .name) }}{{ end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}
