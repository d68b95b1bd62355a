package typescript_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// The page for those who come from MLPlugin names methods that there are.
func TestThePageNamesMethodsThatThereAre(t *testing.T) {
	page, err := os.ReadFile("../../docs/from-mlplugin.md")
	if err != nil {
		t.Fatal(err)
	}
	var code []byte
	for _, name := range []string{"operations.ts", "client.ts"} {
		b, err := os.ReadFile(filepath.Join(client, "src", name))
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, b...)
	}
	n := 0
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|([^|]*)\\|([^|]*)\\|([^|]*)\\|$").FindAllSubmatch(page, -1) {
		for _, method := range regexp.MustCompile("`(\\w+)\\(").FindAllSubmatch(row[2], -1) {
			n++
			if !bytes.Contains(code, append(append([]byte("  "), method[1]...), '(')) && !bytes.Contains(code, append(append([]byte("async "), method[1]...), '(')) {
				t.Errorf("there is no %s", method[1])
			}
		}
	}
	if n < 12 {
		t.Errorf("only %d methods are named", n)
	}
}
