package deploy_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"retrain/internal/app"
)

// A document is what is looked at of a rendered object. The goldens are what make chart-check renders.
type document struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Template struct{ Spec podSpec }
		podSpec  `yaml:",inline"`
	}
}

type podSpec struct {
	Containers     []container
	InitContainers []container `yaml:"initContainers"`
}

type container struct {
	Name    string
	Command []string
	Env     []struct{ Name, Value string }
	Ports   []struct {
		ContainerPort int `yaml:"containerPort"`
	}
	Liveness  probe `yaml:"livenessProbe"`
	Readiness probe `yaml:"readinessProbe"`
	Startup   probe `yaml:"startupProbe"`
}

type probe struct {
	HTTPGet struct{ Path string } `yaml:"httpGet"`
}

// goldens returns the objects of each golden by the file's name.
func goldens(t *testing.T) map[string][]document {
	t.Helper()
	files, err := filepath.Glob("check/testdata/golden/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", err)
	}
	all := map[string][]document{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		d := yaml.NewDecoder(bytes.NewReader(b))
		for {
			var o document
			if d.Decode(&o) != nil {
				break
			}
			all[f] = append(all[f], o)
		}
	}
	return all
}

func TestTheProgramsReadTheRenderedConfiguration(t *testing.T) {
	for file, objects := range goldens(t) {
		var c *app.Config
		for _, o := range objects {
			for name, text := range o.Data {
				if o.Kind != "ConfigMap" || !strings.HasSuffix(name, ".yaml") {
					continue
				}
				parsed, err := app.Parse(name, []byte(text))
				switch {
				case err != nil:
					t.Errorf("%s: %s: %v\n%s", file, o.Metadata.Name, err, text)
				case name == "retrain.yaml":
					c = parsed
				case len(parsed.Resources) == 0:
					t.Errorf("%s: %s declares nothing", file, o.Metadata.Name)
				}
			}
		}
		if c == nil || c.S3.Bucket == "" || c.PredictURL == "" || c.Redis.Addr == "" && c.Redis.Sentinel == nil && c.Redis.Cluster == nil {
			t.Errorf("%s: a retrain.yaml that says where Redis, S3 and the predictors are is missing: %+v", file, c)
		}
	}
}

func TestEverythingArrivesInTheConfiguration(t *testing.T) {
	for _, o := range goldens(t)["check/testdata/golden/everything.yaml"] {
		if o.Data["retrain.yaml"] == "" {
			continue
		}
		c, err := app.Parse("retrain.yaml", []byte(o.Data["retrain.yaml"]))
		if err != nil {
			t.Fatal(err)
		}
		if r := c.Redis; r.Addr != "redis.example.com:6380" || r.DB != 3 || r.Username != "retrain" || r.TLS == nil ||
			r.TLS.CA != "/etc/retrain/redis-tls/ca.crt" || r.TLS.Cert == "" || r.TLS.Key == "" || r.TLS.ServerName != "redis.example.com" {
			t.Errorf("redis %+v %+v", r, r.TLS)
		}
		if s := c.S3; s.Bucket != "models" || s.Prefix != "live/" || s.Endpoint != "https://s3.example.com" || s.Region != "eu-west-1" || !s.PathStyle ||
			s.AssumeRole == "" || s.ExternalID == "" || s.Encryption != "aws:kms" || s.KMSKey == "" || s.CA != "/etc/retrain/s3-ca/bundle.pem" {
			t.Errorf("s3 %+v", s)
		}
		return
	}
	t.Error("no retrain.yaml")
}

// containers calls do with each container of each golden.
func containers(t *testing.T, do func(file string, c container)) {
	t.Helper()
	for file, objects := range goldens(t) {
		for _, o := range objects {
			for _, c := range slices.Concat(o.Spec.Template.Spec.Containers, o.Spec.Containers, o.Spec.Template.Spec.InitContainers, o.Spec.InitContainers) {
				do(file, c)
			}
		}
	}
}

func TestTheEnvironmentIsRead(t *testing.T) {
	known := sources(t)
	containers(t, func(file string, c container) {
		for _, e := range c.Env {
			if strings.HasPrefix(e.Name, "RETRAIN_") && !strings.Contains(known, `"`+e.Name+`"`) {
				t.Errorf("%s: %s: no program reads %s", file, c.Name, e.Name)
			}
		}
	})
}

func TestProbesAskWhatIsAnswered(t *testing.T) {
	known := sources(t)
	probed := 0
	containers(t, func(file string, c container) {
		for _, path := range []string{c.Liveness.HTTPGet.Path, c.Readiness.HTTPGet.Path, c.Startup.HTTPGet.Path} {
			if path == "" {
				continue
			}
			probed++
			if !regexp.MustCompile(`GET ` + path + `"`).MatchString(known) {
				t.Errorf("%s: %s: nobody answers %s", file, c.Name, path)
			}
		}
	})
	if probed < 12 {
		t.Errorf("%d probes found", probed)
	}
}

// sources returns the text of the programs' Go files.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"../cmd/*/*.go", "../internal/*/*.go", "../internal/roles/work/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	return all.String()
}

func TestCommandsAreUnderstood(t *testing.T) {
	program := filepath.Join(t.TempDir(), "producer")
	build := exec.Command("go", "build", "-o", program, "retrain/cmd/producer")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	helps := map[string]string{}
	containers(t, func(file string, c container) {
		if len(c.Command) < 2 || c.Command[0] != "producer" {
			return
		}
		verb := c.Command[1]
		if _, asked := helps[verb]; !asked {
			out, err := exec.Command(program, verb, "--help").CombinedOutput()
			if err != nil {
				t.Errorf("%s: producer %s: %v\n%s", file, verb, err, out)
			}
			helps[verb] = string(out)
		}
		for _, word := range c.Command[2:] {
			if strings.HasPrefix(word, "--") && !strings.Contains(helps[verb], word) {
				t.Errorf("%s: producer %s does not know %s\n%s", file, verb, word, helps[verb])
			}
		}
	})
	if len(helps) < 5 {
		t.Errorf("only %d commands are in use", len(helps))
	}
}
