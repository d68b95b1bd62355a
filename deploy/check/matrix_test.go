package check_test

import (
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"sigs.k8s.io/yaml"
)

// What can be switched independently of each other. The first of each is the default.
var axes = [][]string{
	{"trialRedis: {enabled: true}", "redis: {addr: 'r:6379', existingSecret: {name: r}}", "redis: {addr: 'r:6379', tls: {enabled: true, existingSecret: t}}",
		"redis: {sentinel: {master: m, addrs: ['s:1']}}", "redis: {cluster: ['c:1', 'd:2'], username: u, existingSecret: {name: r}}"},
	{"", "keda: {enabled: true}"},
	{"", "pools: []", "pools: [{name: a, gpus: 1}, {name: b, devices: [gpu], priorities: [low]}]"},
	{"", "networkPolicy: {enabled: true}"},
	{"", "predictor: {autoscaling: {enabled: false}}", "predictor: {gpus: 1, autoscaling: {targetInFlight: 3}}"},
	{"", "monitoring: {serviceMonitor: {enabled: true}, prometheusRule: {enabled: true}, dashboard: {enabled: true}}"},
	{"", "apply: {specs: {resources: {a: }}}"},
	{"", "producer: {replicas: 1, ingress: {enabled: true}}\napiKey: {existingSecret: k}\ns3: {existingSecret: {name: s}, ca: {existingSecret: c}}"},
}

// pairs returns values in which every choice of an axis meets every choice of every other axis. The other axes have their
// default.
func pairs() (all []string) {
	for i, first := range axes {
		for j, second := range axes[:i] {
			for _, a := range first {
				for _, b := range second {
					values := a + "\n" + b + "\n"
					if j > 0 {
						values += axes[0][0] + "\n" // there must be a Redis
					}
					all = append(all, values)
				}
			}
		}
	}
	return all
}

func TestEveryPairOfChoicesIsValid(t *testing.T) {
	all := pairs()
	seen := map[string]bool{} // most objects are the same in many combinations
	for _, values := range all {
		for _, o := range mustRender(t, values) {
			if seen[string(o.text)] {
				continue
			}
			seen[string(o.text)] = true
			if err := strictly(o); err != nil {
				t.Fatalf("%s of\n%s%v\n%s", o.id(), values, err, o.text)
			}
		}
	}
	t.Logf("%d combinations, %d different objects", len(all), len(seen))
}

func TestLint(t *testing.T) {
	for name, values := range cases(t) {
		for _, m := range lint.All(chartDir, values, "ml", true).Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("%s: %s", name, m)
			}
		}
	}
}

func TestWhatContradictsItselfIsRefused(t *testing.T) {
	for _, test := range []struct{ values, want string }{
		{"{}", "where is Redis?"},
		{"{trialRedis: {enabled: true}, redis: {addr: 'r:1'}}", "redis.addr and trialRedis exclude each other"},
		{"{redis: {cluster: ['r:1'], db: 2}}", "a cluster has only 0"},
		{"{redis: {sentinel: {master: m}}}", "redis.sentinel.addrs is missing"},
		{"{redis: {addr: 'r:1', tls: {enabled: true, certKey: c}}}", "belong together"},
		{"{trialRedis: {enabled: true}, pools: [{name: a}, {name: a}]}", "two pools are named a"},
		{"{redis: {adr: 'r:1'}}", "adr"},
		{"{redis: {addr: redis}}", "addr"},
		{"{trialRedis: {enabled: true}, pools: [{name: a, devices: [tpu]}]}", "devices"},
		{"{trialRedis: {enabled: true}, pools: [{name: UPPER}]}", "name"},
		{"{trialRedis: {enabled: true}, pools: [{devices: [gpu]}]}", "name"},
		{"{trialRedis: {enabled: true}, apply: {specs: {model: {}}}}", "model"},
		{"{trialRedis: {enabled: true}, producer: {replicas: two}}", "replicas"},
	} {
		var v map[string]any
		if err := yaml.Unmarshal([]byte(test.values), &v); err != nil {
			t.Fatal(err)
		}
		if _, err := render(v); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q in it", test.values, err, test.want)
		}
	}
}

func TestNamesStayShort(t *testing.T) {
	text, err := render(map[string]any{"fullnameOverride": strings.Repeat("a", 60), "trialRedis": map[string]any{"enabled": true},
		"pools": []any{map[string]any{"name": strings.Repeat("b", 20)}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects(t, text) {
		if n := len(o.Metadata.Name); n > 63 {
			t.Errorf("%s has %d characters", o.id(), n)
		}
	}
}
