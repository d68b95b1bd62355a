package typescript_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"retrain/internal/httpapi"
	"retrain/internal/typescript"
)

var update = flag.Bool("update", false, "write the client anew")

const client = "../../clients/typescript"

// What follows from the description is what the client has: go test ./internal/typescript -update writes it anew.
func TestTheClientIsOfTheDescription(t *testing.T) {
	b, err := json.Marshal(httpapi.Description())
	if err != nil {
		t.Fatal(err)
	}
	var description map[string]any
	if err := json.Unmarshal(b, &description); err != nil {
		t.Fatal(err)
	}
	want, file := typescript.Module(description), filepath.Join(client, "src", "operations.ts")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what follows from the description (%v): go test ./internal/typescript -update", file, err)
	}
}

// TypeScript's own compiler takes the client, where there is one: npm install in clients/typescript, or tsc in PATH.
func TestTheClientCompiles(t *testing.T) {
	compiler, err := exec.LookPath(filepath.Join(client, "node_modules", ".bin", "tsc"))
	if err != nil {
		if compiler, err = exec.LookPath("tsc"); err != nil {
			t.Skip("there is no TypeScript on this machine: npm install in clients/typescript")
		}
	}
	if out, err := exec.CommandContext(t.Context(), compiler, "--noEmit", "--project", client).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
