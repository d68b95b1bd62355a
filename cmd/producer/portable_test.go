package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"retrain"
)

// trainedStage has a champion of the model price: version 1, or 2 where the insert's own training was at work already.
func trainedStage(t *testing.T) *stage {
	t.Helper()
	s := newStage(t).applied().works()
	s.ok("insert", "products", s.write("six.csv", sixRows))
	s.ok("train", "price", "--wait")
	return s
}

func TestExportAndImport(t *testing.T) {
	s := trainedStage(t)
	dir := t.TempDir()
	file, folder := filepath.Join(dir, "sub", "price.json"), filepath.Join(dir, "price", "1")
	var e exported
	if s.json(&e, "export", "price", "-o", file, "--format", "json"); e.Version == 0 || e.Path != file || e.Bytes < 100 {
		t.Errorf("got %+v", e)
	}
	s.ok("export", "price", "-o", folder)
	for _, name := range []string{"saved_model.pb", "variables/variables.data-00000-of-00001", "manifest.json"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	if b, _ := os.ReadFile(file); s.ok("export", "price", "-o", "-", "--format", "json") != string(b) {
		t.Error("stdout is not what the file is")
	}
	s.fails(retrain.ConflictError, "exists already", "export", "price", "-o", file, "--format", "json")
	s.fails(retrain.ConflictError, "exists already", "export", "price", "-o", folder)
	s.fails(retrain.ModelNotTrainedError, "no version yet", "export", "never", "-o", dir+"/never")
	s.fails(retrain.NotFoundError, "no version 9", "export", "price", "--version", "9", "-o", dir+"/9")
	for _, from := range []string{file, folder} {
		var r requested
		if s.json(&r, "import", from, "--as", "never", "--wait"); r.State != retrain.Published || r.Version == 0 || r.Samples != 5 {
			t.Errorf("import of %s: got %+v", from, r)
		}
	}
	s.fails(retrain.ModelNotFoundError, "--apply", "import", file, "--as", "fresh")
	s.ok("import", file, "--as", "fresh", "--wait", "--apply")
	if out := s.ok("predict", "fresh", "--features", `{"cost":1}`); !strings.Contains(out, "24") {
		t.Errorf("got %s", out)
	}
	if out := s.ok("versions", "fresh"); !strings.Contains(out, "import") {
		t.Errorf("got %s", out)
	}
	if out := s.ok("show", "fresh"); !strings.Contains(out, "linear, bias [1], kernel [1 1]") || !strings.Contains(out, "total") || !strings.Contains(out, fmt.Sprint("from retrain: price version ", e.Version)) {
		t.Errorf("got %s", out)
	}
	var i important
	if s.json(&i, "importance", "fresh"); i.Version != 1 || i.Importance["cost"] != 0.75 {
		t.Errorf("got %+v", i)
	}
	if out := s.ok("importance", "price"); !strings.Contains(out, "cost") || !strings.Contains(out, "0.7500") {
		t.Errorf("got %s", out)
	}
	s.fails(retrain.ModelNotFoundError, "no model", "importance", "nobody")
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestImportOfWhatWeDidNotWrite(t *testing.T) {
	s := trainedStage(t)
	dir := t.TempDir()
	for name, test := range map[string]struct {
		change func(folder string)
		words  string
	}{
		"a foreign operation": {func(folder string) { rewrite(t, folder, "saved_model.pb", graphOf("Placeholder", "ReadFile")) }, "operation ReadFile"},
		"another graph":       {func(folder string) { write(t, folder+"/saved_model.pb", graphOf("MatMul")) }, "is not what was exported"},
		"no graph":            {func(folder string) { rewrite(t, folder, "saved_model.pb", []byte{0xff, 0xff}) }, "saved_model.pb"},
		"fewer weights":       {func(folder string) { rewrite(t, folder, "variables/variables.data-00000-of-00001", make([]byte, 7)) }, "ends in the middle"},
		"more weights":        {func(folder string) { rewrite(t, folder, "variables/variables.data-00000-of-00001", make([]byte, 12)) }, "4 bytes more"},
		"weights that are none": {func(folder string) {
			rewrite(t, folder, "variables/variables.data-00000-of-00001", []byte{0, 0, 0xc0, 0x7f, 0, 0, 0, 0})
		}, "is NaN"},
		"a path that leads out": {func(folder string) { rewrite(t, folder, "../secret", []byte("secret")) }, "outside of its folder"},
		"a link that leads out": {func(folder string) {
			write(t, dir+"/secret", []byte("secret"))
			if err := os.Symlink(dir+"/secret", folder+"/asset"); err != nil {
				t.Fatal(err)
			}
			rewrite(t, folder, "asset", nil)
		}, "asset"},
		"no manifest": {func(folder string) { _ = os.Remove(folder + "/manifest.json") }, "no manifest.json"},
	} {
		folder := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		s.ok("export", "price", "-o", folder)
		test.change(folder)
		s.fails(retrain.DataValidationError, test.words, "import", folder, "--as", "never")
	}
	s.fails(retrain.NotFoundError, "no such file", "import", dir+"/nothing", "--as", "never")
	var list struct{ Runs []json.RawMessage }
	if s.json(&list, "runs", "never"); len(list.Runs) != 0 {
		t.Errorf("runs of what was refused: %s", list.Runs)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// rewrite replaces a file of an export, and what the manifest says of it; nil leaves the file as it is.
func rewrite(t *testing.T, folder, name string, b []byte) {
	t.Helper()
	if b != nil {
		write(t, filepath.Join(folder, name), b)
	}
	path := filepath.Join(folder, "manifest.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var mf retrain.Manifest
	if err := json.Unmarshal(text, &mf); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	mf.Files[name] = retrain.File{Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
	if text, err = json.Marshal(mf); err != nil {
		t.Fatal(err)
	}
	write(t, path, bytes.TrimSpace(text))
}
