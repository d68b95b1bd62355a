package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// pythonVariable names the python that has what clients/requirements.txt lists.
const pythonVariable = "RETRAIN_CLIENTS_PYTHON"

// foreignClients asks with clients that others have written. Each program in clients/ ends with 0 if all was as it expects.
func (s *stage) foreignClients() {
	s.Helper()
	programs, err := filepath.Glob("clients/*.py")
	if err != nil || len(programs) == 0 {
		s.Fatal(programs, err)
	}
	for _, program := range programs {
		s.Run(filepath.Base(program), func(t *testing.T) {
			python := os.Getenv(pythonVariable)
			if python == "" {
				t.Skipf("%s names no python that has the packages of clients/requirements.txt", pythonVariable)
			}
			out, err := exec.CommandContext(t.Context(), python, program, s.URL).CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("%s: %v", program, err)
			}
		})
	}
}
