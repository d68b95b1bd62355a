#!/usr/bin/env bash
# A Kubernetes of its own on loopback, for the tests that need one: its true control plane and KEDA's operator, built from their Go
# modules, with nodes that kwok pretends. No containers, no root. Needs etcd, kubectl, openssl and, to build, half an hour and 12 GB.
#
#   cluster.sh build DIR     builds everything, and helm, into DIR/bin; what is there already is not built again
#   cluster.sh up DIR        starts it, with a node of CPUs and a tainted one of 4 GPUs; DIR/kubeconfig is how to reach it
#   cluster.sh down DIR      stops it
#
# Then, with DIR/bin in the PATH:
#
#   go test . -run TestOnARealControlPlane -v -kubeconfig DIR/kubeconfig             here
#   go test ./deploy -run TestKEDAStartsTrainers -v -kubeconfig DIR/kubeconfig      in the root of the repository
set -euo pipefail
command=${1:?build, up or down} dir=$(mkdir -p "${2:?a folder}" && cd "$2" && pwd)
bin=$dir/bin run=$dir/run kubeconfig=$dir/kubeconfig
kubernetes=1.32.5 kwok=v0.6.1 keda=v2.21.0 helm=v3.19.0
api=16443 store=12379 # and the ports after them

# module PATH@VERSION: where its source lies.
module() { GOFLAGS=-mod=mod go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'; }

build() {
	mkdir -p "$bin" "$dir/src" && cd "$dir/src"
	if [ ! -x "$bin/kube-apiserver" ]; then # its module replaces parts of itself by folders, which are modules too
		local source && source=$(module k8s.io/kubernetes@v$kubernetes)
		{
			printf 'module control\n\ngo 1.23.0\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$kubernetes"
			sed -n "s|^[[:space:]]*\(k8s.io/[a-z0-9-]*\) => ./staging.*|\t\1 => \1 v0.${kubernetes#1.}|p" "$source/go.mod"
			echo ')'
		} >go.mod
		printf 'package control\n\nimport (\n' >control.go
		printf '\t_ "k8s.io/kubernetes/cmd/%s/app"\n' kube-apiserver kube-controller-manager kube-scheduler >>control.go
		echo ')' >>control.go
		go mod tidy
		for program in kube-controller-manager kube-scheduler kube-apiserver; do # Helm asks for the version
			go build -ldflags "-X k8s.io/component-base/version.gitVersion=v$kubernetes" -o "$bin/" k8s.io/kubernetes/cmd/$program
		done
	fi
	[ -x "$bin/kwok" ] || GOBIN=$bin go install "sigs.k8s.io/kwok/cmd/kwok@$kwok"
	[ -x "$bin/helm" ] || GOBIN=$bin go install "helm.sh/helm/v3/cmd/helm@$helm"
	if [ ! -x "$bin/keda-operator" ] || [ ! -x "$bin/keda-adapter" ] || [ ! -d "$bin/crds" ]; then
		local source && source=$(module "github.com/kedacore/keda/v2@$keda")
		for program in operator adapter; do (cd "$source" && CGO_ENABLED=0 go build -o "$bin/keda-$program" "./cmd/$program"); done
		rm -rf "$bin/crds" && cp -r "$source/config/crd/bases" "$bin/crds" && chmod -R u+w "$bin/crds"
	fi
}

start() { # NAME COMMAND...: in the background; its output and its number are kept
	local name=$1 && shift
	setsid nohup "$@" >"$run/$name.log" 2>&1 </dev/null &
	echo $! >"$run/$name.pid"
}

wait_for() { # WHAT COMMAND...
	local what=$1 && shift
	for _ in $(seq 120); do
		"$@" >/dev/null 2>&1 && return
		sleep 1
	done
	echo "$what: not within two minutes; look at $run/*.log" >&2 && exit 1
}

node() { # NAME GPUS TAINTS
	local has="{cpu: '32', memory: 256Gi, pods: '110', nvidia.com/gpu: '$2'}"
	kubectl apply -f - <<-YAML
		apiVersion: v1
		kind: Node
		metadata: {name: $1, labels: {kubernetes.io/hostname: $1, nvidia.com/gpu.present: "$([ "$2" = 0 ] && echo false || echo true)"}}
		spec: {taints: $3}
		status: {capacity: $has, allocatable: $has}
	YAML
}

keys() { # one key and one certificate serve all who must show one to another
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=keda -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout tls.key -out tls.crt 2>/dev/null
	cp tls.crt ca.crt && openssl rsa -in tls.key -pubout -out tls.pub 2>/dev/null
	local token && token=$(openssl rand -hex 16)
	echo "$token,admin,admin,system:masters" >tokens.csv
	cat >"$kubeconfig" <<-YAML
		apiVersion: v1
		kind: Config
		clusters: [{name: loopback, cluster: {server: "https://127.0.0.1:$api", insecure-skip-tls-verify: true}}]
		users: [{name: admin, user: {token: $token}}]
		contexts: [{name: loopback, context: {cluster: loopback, user: admin}}]
		current-context: loopback
	YAML
}

up() {
	rm -rf "$run" && mkdir -p "$run" && cd "$run"
	keys && export KUBECONFIG=$kubeconfig
	local etcd=http://127.0.0.1:$store peers=http://127.0.0.1:$((store + 1))
	start etcd etcd --data-dir etcd --unsafe-no-fsync --listen-client-urls $etcd --advertise-client-urls $etcd --listen-peer-urls $peers
	start apiserver "$bin/kube-apiserver" --etcd-servers $etcd --bind-address 127.0.0.1 --secure-port $api --cert-dir apiserver --service-cluster-ip-range 10.0.0.0/24 \
		--service-account-key-file tls.pub --service-account-signing-key-file tls.key --service-account-issuer https://loopback --token-auth-file tokens.csv \
		--authorization-mode RBAC --client-ca-file ca.crt --requestheader-client-ca-file ca.crt --requestheader-allowed-names keda --requestheader-username-headers X-Remote-User \
		--requestheader-group-headers X-Remote-Group --requestheader-extra-headers-prefix X-Remote-Extra- --proxy-client-cert-file tls.crt --proxy-client-key-file tls.key
	wait_for "the API" kubectl get --raw /readyz
	# Pretended nodes are late with their heartbeats on a busy machine; that must not cost their pods.
	start manager "$bin/kube-controller-manager" --kubeconfig "$kubeconfig" --service-account-private-key-file tls.key --leader-elect=false --bind-address 127.0.0.1 \
		--secure-port $((api + 1)) --cert-dir manager --node-monitor-grace-period 30m
	start scheduler "$bin/kube-scheduler" --kubeconfig "$kubeconfig" --leader-elect=false --bind-address 127.0.0.1 --secure-port $((api + 2)) --cert-dir scheduler
	start kwok "$bin/kwok" --kubeconfig "$kubeconfig" --manage-all-nodes=true
	node cpu-0 0 '[]'
	node gpu-0 4 '[{key: nvidia.com/gpu, value: present, effect: NoSchedule}]'
	scaler
	echo "export KUBECONFIG=$kubeconfig PATH=$bin:\$PATH"
}

# scaler starts KEDA outside of the cluster, which reaches its metrics by a name instead of pods' addresses.
scaler() {
	kubectl apply --server-side -f "$bin/crds"
	kubectl create namespace keda
	export KUBECONFIG=$kubeconfig POD_NAMESPACE=keda KEDA_CLUSTER_OBJECT_NAMESPACE=keda KUBERNETES_CLUSTER_DOMAIN=cluster.local WATCH_NAMESPACE=
	start operator "$bin/keda-operator" --cert-dir "$run" --metrics-bind-address 127.0.0.1:$((api + 3)) --health-probe-bind-address 127.0.0.1:$((api + 4)) \
		--metrics-service-bind-address 127.0.0.1:$((api + 5))
	wait_for "KEDA's operator" curl -fsS "http://127.0.0.1:$((api + 4))/healthz"
	start adapter "$bin/keda-adapter" --cert-dir "$run" --tls-cert-file tls.crt --tls-private-key-file tls.key --bind-address 127.0.0.1 --secure-port $((api + 6)) \
		--port $((api + 7)) --metrics-service-address 127.0.0.1:$((api + 5)) --metrics-service-grpc-authority localhost \
		--lister-kubeconfig "$kubeconfig" --authentication-kubeconfig "$kubeconfig" --authorization-kubeconfig "$kubeconfig"
	kubectl apply -f - <<-YAML
		apiVersion: v1
		kind: Service
		metadata: {name: metrics, namespace: keda}
		spec: {type: ExternalName, externalName: localhost, ports: [{port: $((api + 6))}]}
		---
		apiVersion: apiregistration.k8s.io/v1
		kind: APIService
		metadata: {name: v1beta1.external.metrics.k8s.io}
		spec:
		  service: {name: metrics, namespace: keda, port: $((api + 6))}
		  group: external.metrics.k8s.io
		  version: v1beta1
		  groupPriorityMinimum: 100
		  versionPriority: 100
		  insecureSkipTLSVerify: true
	YAML
	wait_for "KEDA's metrics" kubectl get --raw /apis/external.metrics.k8s.io/v1beta1
}

down() {
	for pid in "$run"/*.pid; do [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null || true; done
	rm -f "$run"/*.pid
}

case $command in build | up | down) $command ;; *) echo "$command: build, up or down" >&2 && exit 2 ;; esac
