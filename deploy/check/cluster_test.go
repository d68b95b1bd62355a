package check_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var kubeconfig = flag.String("kubeconfig", "", "install the chart on this cluster, with helm and kubectl; it needs a node with CPUs and one with GPUs, tainted")

const clusterValues = `
trialRedis: {enabled: true}
s3: {bucket: trial}
keda: {enabled: true}
networkPolicy: {enabled: true}
monitoring: {dashboard: {enabled: true}}
pools:
  - {name: cpu, devices: [cpu, auto]}
  - {name: gpu, devices: [gpu], flavour: gpu, gpus: 1, maxReplicas: 8}
apply: {specs: {resources: {products: }}}
`

// A cluster is a namespace of a real control plane.
type cluster struct {
	*testing.T
	namespace string
}

// try runs helm or kubectl in the namespace.
func (c cluster) try(program string, args ...string) (string, error) {
	cmd := exec.Command(program, append(args, "--namespace", c.namespace)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+*kubeconfig)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (c cluster) run(program string, args ...string) string {
	c.Helper()
	out, err := c.try(program, args...)
	if err != nil {
		c.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// A pod is what is looked at of one.
type pod struct {
	Metadata struct {
		Name              string            `json:"name"`
		Labels            map[string]string `json:"labels"`
		DeletionTimestamp *time.Time        `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec   struct{ NodeName string } `json:"spec"`
	Status struct {
		Conditions []struct{ Type, Status string } `json:"conditions"`
	} `json:"status"`
}

func (p pod) role() string { return p.Metadata.Labels["app.kubernetes.io/component"] }

func (p pod) ready() bool {
	return p.Metadata.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.Conditions, func(c struct{ Type, Status string }) bool {
		return c.Type == "Ready" && c.Status == "True"
	})
}

func (c cluster) pods() []pod {
	c.Helper()
	var list struct {
		Items []pod `json:"items"`
	}
	if err := json.Unmarshal([]byte(c.run("kubectl", "get", "pods", "-o", "json")), &list); err != nil {
		c.Fatal(err)
	}
	return list.Items
}

// count returns how many pods of a role are ready.
func (c cluster) count(role string) (n int) {
	for _, p := range c.pods() {
		if p.role() == role && p.ready() {
			n++
		}
	}
	return n
}

func (c cluster) eventually(what string, ok func() bool) {
	c.Helper()
	deadline := time.After(2 * time.Minute)
	for !ok() {
		select {
		case <-deadline:
			c.Fatalf("not within two minutes: %s\n%s", what, c.run("kubectl", "get", "pods", "-o", "wide"))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c cluster) values(more string) string {
	file := filepath.Join(c.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(clusterValues+more), 0o600); err != nil {
		c.Fatal(err)
	}
	return file
}

func TestOnARealControlPlane(t *testing.T) {
	if *kubeconfig == "" {
		t.Skip("no -kubeconfig")
	}
	c := cluster{t, "chart-check"}
	c.run("kubectl", "apply", "--server-side", "-f", "testdata/crds/keda.sh_scaledobjects.yaml", "-f", "testdata/crds/keda.sh_triggerauthentications.yaml")
	t.Cleanup(func() { _, _ = c.try("kubectl", "delete", "namespace", c.namespace, "--wait=false") }) // what a failed test left behind
	c.run("helm", "install", "demo", chartDir, "--create-namespace", "-f", c.values(""), "--wait", "--timeout", "3m")
	all := map[string]int{"producer": 2, "scheduler": 2, "predictor": 2, "trainer": 2, "redis": 1}
	c.eventually("everything is there", func() bool {
		for role, n := range all {
			if c.count(role) != n {
				return false
			}
		}
		return true
	})
	c.placed()
	c.accepted()
	c.upgraded()
	c.drained()
	c.run("helm", "uninstall", "demo", "--wait", "--timeout", "2m")
	c.eventually("nothing is left", func() bool {
		return !strings.Contains(c.run("kubectl", "get", "all,configmap,secret,pdb,hpa,networkpolicy,scaledobject,triggerauthentication,serviceaccount"), "demo-")
	})
}

// placed holds where the pods are against what the pools ask for.
func (c cluster) placed() {
	gpu := c.run("kubectl", "get", "nodes", "-l", "nvidia.com/gpu.present=true", "-o", "name")
	for _, p := range c.pods() {
		onGPU := strings.Contains(gpu, "node/"+p.Spec.NodeName)
		if wants := p.Metadata.Labels["retrain/pool"] == "gpu"; onGPU != wants {
			c.Errorf("%s is on %s", p.Metadata.Name, p.Spec.NodeName)
		}
	}
}

// accepted looks at what the server keeps of those objects that others act upon.
func (c cluster) accepted() {
	formula := c.run("kubectl", "get", "scaledobject", "demo-retrain-trainer-gpu", "-o", "jsonpath={.spec.advanced.scalingModifiers.formula} {.spec.triggers[0].metadata.listName}")
	if !strings.Contains(formula, "gpu_critical_lease") || !strings.HasSuffix(formula, " asynq:{train-gpu-critical}:pending") {
		c.Errorf("the ScaledObject is %s", formula)
	}
	if got := c.run("kubectl", "get", "hpa", "demo-retrain-predictor", "-o", "jsonpath={.status.desiredReplicas}"); got != "2" {
		c.Errorf("the HPA wants %s predictors, want 2", got)
	}
	if got := c.run("kubectl", "get", "jobs", "-o", "name"); got != "" {
		c.Errorf("the job that applies the models has not gone well: %s", got)
	}
}

// upgraded changes the configuration, and takes that back.
func (c cluster) upgraded() {
	key := c.run("kubectl", "get", "secret", "demo-retrain-keys", "-o", "jsonpath={.data}")
	before := c.pods()
	c.run("helm", "upgrade", "demo", chartDir, "-f", c.values("verbose: true\nlogFormat: text\n"), "--wait", "--timeout", "3m")
	for _, p := range c.pods() {
		if p.role() == "redis" || !p.ready() {
			continue
		}
		if slices.ContainsFunc(before, func(b pod) bool { return b.Metadata.Name == p.Metadata.Name }) {
			c.Errorf("%s is the one from before the upgrade", p.Metadata.Name)
		}
	}
	if got := c.run("kubectl", "get", "secret", "demo-retrain-keys", "-o", "jsonpath={.data}"); got != key {
		c.Error("the upgrade has drawn other keys")
	}
	c.run("helm", "rollback", "demo", "1", "--wait", "--timeout", "3m")
	if got := c.run("kubectl", "get", "deployment", "demo-retrain-producer", "-o", "jsonpath={.spec.template.spec.containers[0].env}"); strings.Contains(got, "RETRAIN_VERBOSE") {
		c.Error("the rollback has left the newer setting")
	}
}

// drained drains all nodes at once, so that nothing that is evicted finds another place: one pod of each role with a budget
// must stay.
func (c cluster) drained() {
	nodes := strings.Fields(c.run("kubectl", "get", "nodes", "-o", "name"))
	c.Cleanup(func() {
		for _, n := range nodes {
			c.run("kubectl", "uncordon", n)
		}
	})
	for _, n := range nodes {
		c.run("kubectl", "cordon", n)
	}
	args := append([]string{"drain", "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=15s", "--pod-selector=app.kubernetes.io/instance=demo"}, nodes...)
	if out, err := c.try("kubectl", args...); err == nil {
		c.Errorf("every node was drained, whatever the budgets say\n%s", out)
	}
	for role, want := range map[string]int{"producer": 1, "scheduler": 1, "predictor": 1, "trainer": 0} {
		if got := c.count(role); got != want {
			c.Errorf("%d pods of %s have survived the drain, want %d", got, role, want)
		}
	}
	for _, n := range nodes {
		c.run("kubectl", "uncordon", n)
	}
	c.eventually("they are back", func() bool { return c.count("producer") == 2 && c.count("trainer") == 2 })
}
