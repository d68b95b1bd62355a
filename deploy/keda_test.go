package deploy_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"retrain"
	"retrain/internal/testenv"
)

var kubeconfig = flag.String("kubeconfig", "", "a Kubernetes on this machine with KEDA, as deploy/check/cluster.sh makes it; helm and kubectl in the PATH")

const keptModels = `
resources: {line: {}}
models:
  quick: {type: regression, resource: line, features: [x], target: y, device: cpu, modelConfig: {epochs: 5}}
  line: {type: regression, resource: line, features: [x], target: y, device: cpu, modelConfig: {epochs: 1000000, batchSize: 2, learningRate: 0.00001}}
  second: {type: regression, resource: line, features: [x], target: y, modelConfig: {epochs: 1000000, batchSize: 2, learningRate: 0.00001}}
  third: {type: regression, resource: line, features: [x], target: y, device: cpu, priority: low, modelConfig: {epochs: 1000000, batchSize: 2, learningRate: 0.00001}}
  graphic: {type: regression, resource: line, features: [x], target: y, device: gpu, modelConfig: {epochs: 5}}
`

const keptValues = `
fullnameOverride: demo
redis: {addr: "%s"}
apply: {enabled: false}
keda: {enabled: true, pollingInterval: 1, cooldownPeriod: 15, stabilizationSeconds: 0}
pools:
  - {name: cpu, devices: [cpu, auto]}
  - {name: gpu, devices: [gpu], flavour: gpu, gpus: 1}
`

// A keeper is what a node's kubelet would be: it lets a trainer run for each pod of the pool cpu. Kubernetes' own pods are
// pretended, since there are no containers.
type keeper struct {
	*system
	namespace string
	trainers  map[string]*process
	last      string // what pods there were
}

func (k *keeper) kube(program string, args ...string) []byte {
	k.Helper()
	cmd := exec.Command(program, append(args, "--namespace", k.namespace)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+*kubeconfig)
	out, err := cmd.CombinedOutput()
	if err != nil {
		k.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// keep makes the trainers those of the pods, and returns how many pods each pool has, by where they are: cpu on cpu-0.
func (k *keeper) keep() map[string]int {
	k.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name              string
				Labels            map[string]string
				DeletionTimestamp *time.Time
			}
			Spec   struct{ NodeName string }
			Status struct{ Phase string }
		}
	}
	if err := json.Unmarshal(k.kube("kubectl", "get", "pods", "-l", "app.kubernetes.io/component=trainer", "-o", "json"), &list); err != nil {
		k.Fatal(err)
	}
	pods, live := map[string]int{}, map[string]bool{}
	for _, p := range list.Items {
		if p.Metadata.DeletionTimestamp != nil {
			continue
		}
		pool := p.Metadata.Labels["retrain/pool"]
		pods[pool+" on "+p.Spec.NodeName]++
		if pool != "cpu" || p.Status.Phase != "Running" { // no GPU here
			continue
		}
		live[p.Metadata.Name] = true
		if k.trainers[p.Metadata.Name] == nil {
			k.trainers[p.Metadata.Name] = k.run("worker", "train", "--device", "cpu,auto", "--listen", "127.0.0.1:0")
		}
	}
	for name, trainer := range k.trainers {
		if !live[name] {
			trainer.signal(syscall.SIGTERM)
			delete(k.trainers, name)
		}
	}
	return pods
}

// becomes waits until there are exactly these pods, and says how long that took.
func (k *keeper) becomes(why string, want map[string]int) {
	k.Helper()
	began := time.Now()
	testenv.Eventually(k.T, 6*time.Minute, func() error {
		got := fmt.Sprint(k.keep())
		if got != k.last {
			k.Logf("%-25s %6.1fs %s", why, time.Since(began).Seconds(), got)
			k.last = got
		}
		if got != fmt.Sprint(want) {
			return fmt.Errorf("%s: the pods are %v, want %v\n%s", why, got, want, k.kube("kubectl", "get", "scaledobject,hpa"))
		}
		return nil
	})
}

// The chart's own ScaledObjects, in KEDA's own operator, start and stop trainers by what asynq has in a real Redis: none, one,
// one for each of several runs, less, none. A run whose trainer is stopped in between goes on at another.
func TestKEDAStartsTrainers(t *testing.T) {
	if *kubeconfig == "" {
		t.Skip("no -kubeconfig: deploy/check/cluster.sh says how to get one")
	}
	addr := testenv.Redis(t)
	f := scaleFormula(t, addr)
	k := &keeper{system: newSystem(t, map[string]any{"addr": addr}), namespace: fmt.Sprint("keda-", time.Now().Unix()), trainers: map[string]*process{}}
	k.scheduler()
	insert := k.declare(keptModels)
	insert()
	insert()
	k.install(addr)
	k.becomes("nothing to do", map[string]int{})

	k.do(nil, "train", "quick")
	k.becomes("one run", map[string]int{"cpu on cpu-0": 1})
	k.champion("quick", 1)

	k.do(nil, "train", "line")
	open := f.neverZero(t)
	k.do(nil, "train", "second")
	k.do(nil, "train", "third")
	k.becomes("three runs", map[string]int{"cpu on cpu-0": 3})
	k.do(nil, "train", "graphic")
	k.becomes("one for a GPU, too", map[string]int{"cpu on cpu-0": 3, "gpu on gpu-0": 1})
	k.progressed()
	k.do(nil, "cancel", "graphic")
	k.do(nil, "cancel", "second")
	k.do(nil, "cancel", "third")
	k.becomes("one of them is left", map[string]int{"cpu on cpu-0": 1}) // all at once, since they are younger than the policy's two minutes
	k.progressed()                                                      // whether its trainer was one of those that were stopped or not
	if least := open(); least < 1 {
		t.Errorf("the sum was %d while a run was open", least)
	}
	k.do(nil, "cancel", "line")
	k.state(retrain.Cancelled, retrain.Published)
	k.becomes("nothing to do", map[string]int{})
}

// install installs the chart, of which KEDA takes what it needs.
func (k *keeper) install(addr string) {
	k.Helper()
	values := filepath.Join(k.TempDir(), "values.yaml")
	if err := os.WriteFile(values, fmt.Appendf(nil, keptValues, addr), 0o600); err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { k.kube("kubectl", "delete", "namespace", k.namespace, "--wait=false") })
	k.kube("helm", "install", "demo", "helm", "--create-namespace", "-f", values)
	k.kube("kubectl", "wait", "scaledobject", "--all", "--for=condition=Ready", "--timeout=2m")
}
