// Package check_test renders the chart with Helm's own library, and holds what comes out against the types of Kubernetes,
// KEDA's schemas and the types of Prometheus' operator. It is a module of its own: Helm needs more packages than Retrain.
package check_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"sigs.k8s.io/yaml"
)

const chartDir = "../helm"

// An object is a document of what was rendered.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	text []byte
}

func (o object) id() string { return o.Kind + "/" + o.Metadata.Name }

var loaded = sync.OnceValues(func() (*chart.Chart, error) { return loader.Load(chartDir) })

// render installs the chart in name alone, hooks and tests included, as "demo" in the namespace "ml".
func render(values map[string]any) (string, error) {
	chart, err := loaded()
	if err != nil {
		return "", err
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.ReleaseName, install.Namespace = "demo", "ml"
	install.DryRun, install.ClientOnly = true, true
	install.KubeVersion = &chartutil.KubeVersion{Version: "v1.32.0", Major: "1", Minor: "32"}
	release, err := install.Run(chart, values)
	if err != nil {
		return "", err
	}
	var all strings.Builder
	all.WriteString(release.Manifest)
	for _, h := range release.Hooks {
		fmt.Fprintf(&all, "---\n# Source: %s\n%s\n", h.Path, h.Manifest)
	}
	return all.String(), nil
}

func mustRender(t *testing.T, values string) []object {
	t.Helper()
	var v map[string]any
	if err := yaml.Unmarshal([]byte(values), &v); err != nil {
		t.Fatal(err)
	}
	text, err := render(v)
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, text)
}

// objects takes what was rendered apart.
func objects(t *testing.T, text string) (list []object) {
	t.Helper()
	for _, doc := range strings.Split("\n"+text, "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if o.Kind == "" {
			continue
		}
		o.text = []byte(doc)
		list = append(list, o)
	}
	return list
}

// find returns one object.
func find(t *testing.T, all []object, id string) object {
	t.Helper()
	for _, o := range all {
		if o.id() == id {
			return o
		}
	}
	t.Fatalf("no %s is rendered", id)
	return object{}
}

// into decodes an object.
func into[T any](t *testing.T, o object) (v T) {
	t.Helper()
	if err := yaml.Unmarshal(o.text, &v); err != nil {
		t.Fatalf("%s: %v", o.id(), err)
	}
	return v
}

// cases returns the values of testdata/values by name.
func cases(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no values", err)
	}
	all := map[string]map[string]any{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := yaml.Unmarshal(b, &v); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".yaml")] = v
	}
	return all
}

func same(a, b []byte) bool { return bytes.Equal(bytes.TrimSpace(a), bytes.TrimSpace(b)) }
