package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// What containers and units set in the environment is read by the programs, and every role is there.
func TestContainersAndUnitsSetWhatIsRead(t *testing.T) {
	known := sources(t)
	files, err := filepath.Glob("systemd/*.service")
	if err != nil || len(files) != 4 {
		t.Fatalf("%d units, %v", len(files), err)
	}
	for _, f := range append(files, "compose.yaml", "systemd/README.md") {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\b(RETRAIN_[A-Z0-9_]+)[:=]`).FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains([]string{"RETRAIN_VERSION", "RETRAIN_S3_SECRET"}, m[1]) && !strings.Contains(known, `"`+m[1]+`"`) {
				t.Errorf("%s: no program reads %s", f, m[1])
			}
		}
	}
}

func TestComposeHasEveryRole(t *testing.T) {
	text, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Services map[string]struct {
			Command []string
			Volumes []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	for service, command := range map[string]string{"producer": "producer serve", "scheduler": "scheduler", "trainer": "worker train", "predictor": "worker predict"} {
		if got := strings.Join(c.Services[service].Command, " "); got != command {
			t.Errorf("%s does %q, want %q", service, got, command)
		}
	}
	for name, s := range c.Services {
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, ok := c.Volumes[from]; !ok && !strings.HasPrefix(from, "..") {
				t.Errorf("%s: nobody declares the volume %s", name, from)
			}
		}
	}
}
