package app_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The house: who may know whom. An import path ends with "/" where everything below it is meant.
var house = map[string][]string{
	"retrain":                 {"retrain/", "github.com/"},
	"retrain/tasks":           {"retrain/s3io", "retrain/mlcore", "retrain/internal/", "github.com/aws/", tensorflow},
	"retrain/s3io":            {"retrain/tasks", "retrain/mlcore", "retrain/internal/", "github.com/redis/", "github.com/hibiken/", tensorflow},
	"retrain/mlcore":          {"retrain/tasks", "retrain/s3io", "retrain/internal/", "github.com/redis/", "github.com/hibiken/", "github.com/aws/"},
	"retrain/mlcore/portable": {"retrain/tasks", "retrain/s3io", "retrain/internal/", "github.com/redis/", "github.com/aws/", tensorflow},
	"retrain/mlcore/prep":     {"retrain/tasks", "retrain/s3io", "retrain/internal/", "github.com/redis/", "github.com/aws/", tensorflow},
	"retrain/internal/app":    {tensorflow},
	"retrain/cmd/producer":    {tensorflow, "github.com/versity/", "retrain/internal/embedded", "retrain/internal/testenv"},
	"retrain/cmd/scheduler":   {tensorflow, "github.com/versity/", "retrain/internal/embedded", "retrain/internal/testenv"},
}

const tensorflow = "github.com/tensorflow/"

func TestHouse(t *testing.T) {
	for pkg, forbidden := range house {
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			for _, dep := range deps(t, pkg) {
				for _, f := range forbidden {
					if dep != pkg && (dep == f || strings.HasPrefix(dep, strings.TrimSuffix(f, "/")+"/")) {
						t.Errorf("%s depends on %s", pkg, dep)
					}
				}
			}
		})
	}
}

// deps returns all packages that a package is built from.
func deps(t *testing.T, pkg string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", pkg).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	return strings.Fields(string(out))
}

// Producers and schedulers run on machines that have neither a C compiler nor TensorFlow.
func TestBuildsWithoutC(t *testing.T) {
	build := exec.Command("go", "list", "-export", "retrain/cmd/producer", "retrain/cmd/scheduler") // compiles, and links nothing
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
