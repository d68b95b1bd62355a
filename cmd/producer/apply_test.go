package main

import (
	"os"
	"strings"
	"testing"
)

// Without -f the configuration says what is to be there; where it only says how to connect, ./retrain.yaml does.
func TestApplyWithoutAFile(t *testing.T) {
	s := newStage(t)
	for _, test := range []struct {
		name, file, here string
		command          string
		want             string
		code             int
	}{
		{"nothing anywhere", "", "", "apply", "declares neither resources nor models", 2},
		{"a file that is here", "retrain.yaml", declared, "diff", "+ models/price", 0},
		{"a file that is here, stored", "retrain.yaml", declared, "apply", "models/price applied", 0},
		{"a broken one", "retrain.yaml", "models: {price: {tipe: regression}}", "apply", "tipe", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := s.process(test.command)
			cmd.Dir = t.TempDir()
			if test.file != "" {
				if err := os.WriteFile(cmd.Dir+"/"+test.file, []byte(test.here), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.want) {
				t.Errorf("got %d %s\nwant %d with %q", code, out, test.code, test.want)
			}
		})
	}
}
