package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// ruleFile is what Prometheus reads rules from.
type ruleFile struct {
	Groups []ruleGroup `yaml:"groups"`
}

type ruleGroup struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// chartRules returns the chart's alerts, as they are rendered into the namespace ml.
func chartRules(t *testing.T) (rules ruleFile) {
	t.Helper()
	text, err := os.ReadFile("check/testdata/golden/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	for {
		var o struct {
			Kind string    `yaml:"kind"`
			Spec yaml.Node `yaml:"spec"`
		}
		if err := decoder.Decode(&o); err != nil {
			t.Fatal("no PrometheusRule in the golden: ", err)
		}
		if o.Kind == "PrometheusRule" {
			if err := o.Spec.Decode(&rules); err != nil {
				t.Fatal(err)
			}
			return rules
		}
	}
}

// debian returns a program of Debian's package prometheus. Without it the test is skipped.
func debian(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("there is no %s in PATH: install the package prometheus", program)
	}
	return path
}

func writeYAML(t *testing.T, file string, v any) {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Each alert fires when it should, says what it should, and is quiet otherwise.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool, dir, rules := debian(t, "promtool"), t.TempDir(), chartRules(t)
	expected, err := os.ReadFile("testdata/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			delete(r.Annotations, "description")
			if !strings.Contains(string(expected), "alertname: "+r.Alert+"\n") {
				t.Errorf("nothing is expected of %s", r.Alert)
			}
		}
	}
	writeYAML(t, filepath.Join(dir, "rules.yaml"), rules)
	file := filepath.Join(dir, "alerts.yaml")
	if err := os.WriteFile(file, expected, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool, "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
