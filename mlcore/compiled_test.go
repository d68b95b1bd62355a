package mlcore_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"retrain"
	"retrain/mlcore"
)

// What one process compiled, the next one takes from the folder, and both give the bytes of one that keeps nothing. An entry
// that was cut off is compiled again.
func TestCompiledProgramsAreKept(t *testing.T) {
	const folder, result = "MLCORE_TEST_COMPILED", "MLCORE_TEST_SUM" // what a child keeps in, and where it writes its sum
	job := retrain.Job{Model: price(), Data: tables(products(40))}
	job.Model.ModelConfig.BatchSize, job.Model.ModelConfig.Epochs, job.Model.ModelConfig.LearningRate = 1, 1300, 0.001
	if dir := os.Getenv(folder); dir != "" {
		if err := mlcore.KeepCompiled(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(os.Getenv(result), []byte(train(t, &mlcore.Engine{}, job).sum), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := train(t, &mlcore.Engine{}, job).sum
	dir, sum := filepath.Join(t.TempDir(), `a "folder" of \ mine`), filepath.Join(t.TempDir(), "sum")
	var kept [][]string
	for i := range 3 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), folder+"="+dir, result+"="+sum)
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := string(read(t, sum)); got != want {
			t.Errorf("process %d: got %s, want %s", i+1, got, want)
		}
		files, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*", "*", "xla_compile_cache*.pb"))
		if err != nil || len(files) == 0 {
			t.Fatalf("got no files, %v", err)
		}
		kept = append(kept, written(t, files))
		if i == 1 {
			if err := os.Truncate(files[0], 1000); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(kept[0], kept[1]) {
		t.Errorf("got %v after %v: the second process compiled", kept[1], kept[0])
	}
	if len(kept[2]) != len(kept[1]) || kept[2][0] == kept[1][0] || !slices.Equal(kept[2][1:], kept[1][1:]) {
		t.Errorf("got %v after %v: only the one that was cut off should be new", kept[2], kept[1])
	}
}

// written says when files were.
func written(t *testing.T, files []string) []string {
	t.Helper()
	said := make([]string, len(files))
	for i, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		said[i] = fmt.Sprintln(info.Name(), info.ModTime().UnixNano(), info.Size())
	}
	return said
}

func TestTheUsersFlagsOfXLAStay(t *testing.T) {
	const flags = "--tf_xla_max_cluster_size=100"
	t.Setenv("TF_XLA_FLAGS", flags)
	if err := mlcore.KeepCompiled(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if got := os.Getenv("TF_XLA_FLAGS"); got != flags {
		t.Errorf("got %s, want %s", got, flags)
	}
}
