package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be is said in a sentence, before anything is started.
func TestWhatCannotBe(t *testing.T) {
	p := standalone(t, quick+byHand)
	broken := filepath.Join(t.TempDir(), "retrain.yaml")
	if err := os.WriteFile(broken, []byte("models: {price: {tipe: regression}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := []string{"--listen", "127.0.0.1:0", "--predict-listen", "127.0.0.1:0"}
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"the data are in use", append([]string{"--data", p.flags[1]}, other...), 1, "in use by process"},
		{"the port is in use", []string{"--data", t.TempDir(), "--listen", p.listen}, 1, "somebody listens on " + p.listen},
		{"the folder cannot be", append([]string{"--data", broken + "/data"}, other...), 1, "not a directory"},
		{"others could reach it", []string{"--data", t.TempDir(), "--listen", ":0"}, 1, "RETRAIN_API_KEY"},
		{"no such file", append([]string{"--config", "nowhere.yaml"}, other...), 1, "nowhere.yaml: no such file"},
		{"an unknown key", append([]string{"--data", t.TempDir(), "--config", broken}, other...), 1, "type"},
		{"half a certificate", append([]string{"--data", t.TempDir(), "--tls-cert", broken}, other...), 2, "belong together"},
		{"no certificate", append([]string{"--data", t.TempDir(), "--tls-cert", broken, "--tls-key", broken}, other...), 1, "--tls-cert and --tls-key name PEM files"},
		{"an unknown flag", []string{"--dta", "x"}, 2, "UsageError"},
		{"a name too many", []string{"serve"}, 2, "UsageError"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], test.args...)
			cmd.Env, cmd.Dir = append(os.Environ(), "RETRAIN_TEST_STANDALONE=1"), t.TempDir()
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.want) {
				t.Errorf("got %d %s\nwant %d with %q", code, out, test.code, test.want)
			}
		})
	}
}
