package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"retrain"
)

var update = flag.Bool("update", false, "write testdata anew")

// What people are told is compared with testdata: go test ./cmd/producer -update writes it anew.
func TestWords(t *testing.T) {
	for _, test := range []struct {
		name string
		args string
		code int
	}{
		{"help", "--help", 0},
		{"help-of-a-command", "train --help", 0},
		{"help-by-word", "help insert", 0},
		{"help-alone", "help", 0},
		{"help-of-nothing", "help trian", 2},
		{"no-command", "", 0},
		{"unknown-command", "trian price", 2},
		{"unknown-flag", "train price --wiat", 2},
		{"unknown-flag-json", "train price --wiat --json", 2},
		{"flag-of-another-command", "models --wait", 2},
		{"flag-without-value", "predict price --features", 2},
		{"wrong-value", "runs price --limit many", 2},
		{"missing-name", "train", 2},
		{"too-many-names", "train price cost", 2},
		{"too-many-names-json", "train price cost --json", 2},
		{"no-question", "predict price", 2},
		{"not-a-version", "promote price best", 2},
		{"unknown-format", "insert products data.txt", 2},
		{"nothing-configured", "models", 1},
		{"nothing-configured-json", "models --json", 1},
		{"no-such-file", "models --config nowhere.yaml", 1},
		{"bad-key", "apply -n -f testdata/bad-key.yaml", 1},
		{"bad-key-json", "apply -n -f testdata/bad-key.yaml --json", 1},
		{"dry-run", "apply -n -f testdata/good.yaml", 0},
		{"dry-run-json", "apply -n -f testdata/good.yaml --json", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := strings.Fields(test.args)
			if strings.Contains("no-question not-a-version unknown-format", test.name) {
				args = append(args, "--config", "testdata/connection.yaml") // nothing is asked there
			}
			r := typed(t.Context(), "", args...)
			if r.code != test.code {
				t.Errorf("exit %d, want %d", r.code, test.code)
			}
			golden(t, test.name, "$ producer "+test.args+"\n"+r.stdout+"--- stderr\n"+r.stderr)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "words", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestArrange(t *testing.T) {
	tree := new(program).tree()
	for _, test := range []struct{ name, args, want string }{
		{"flags behind names", "train price --wait", "train --wait price"},
		{"flags of everybody behind", "train price --json --wait", "--json train --wait price"},
		{"a value by itself", "predict price --features {} --config f", "--config=f predict --features={} price"},
		{"a value with a dash", "insert products - --batch-id -x", "insert --batch-id=-x products -"},
		{"what follows two dashes", "train -- --json", "train -- --json"},
		{"an alias", "retrain price -w", "retrain -w price"},
		{"a switch with a value", "train price --reset-weights=false", "train --reset-weights=false price"},
	} {
		got, err := arrange(tree, append([]string{"producer"}, strings.Fields(test.args)...))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if got := strings.Join(got[1:], " "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestRows(t *testing.T) {
	for _, test := range []struct{ name, file, text, want string }{
		{"kinds of cells", "a.csv", "a,b,c,d,e\n1,x,true,,007\n-2.5e3,1e999,FALSE,NaN,+4\n", `{"a":1,"b":"x","c":true,"e":"007"} {"a":-2500,"b":"1e999","c":false,"d":"NaN","e":4}`},
		{"an id stays text", "a.csv", "id,a\n0012,1\n", `{"a":1,"id":"0012"}`},
		{"semicolons", "a.csv", "a;b\n1,5;2\n", `{"a":"1,5","b":2}`},
		{"quotes and line ends", "a.csv", "a,b\r\n\"x, \"\"y\"\"\nz\",2\r\n", `{"a":"x, \"y\"\nz","b":2}`},
		{"a byte order mark", "a.csv", "\ufeffa\n1\n", `{"a":1}`},
		{"lines", "a.jsonl", "{\"a\":1}\n\n{\"a\":null}\n", `{"a":1} {"a":null}`},
		{"a list", "a.json", " [ {\"a\":1},\n{\"a\":[2]} ]\n", `{"a":1} {"a":[2]}`},
		{"an empty list", "a.json", "[]", ``},
		{"too few cells", "a.csv", "a,b\n1,2\n3\n", "a.csv:3: 1 fields, but the header has 2"},
		{"an open quote", "a.csv", "a,b\n1,\"2\n3,4\n", `a.csv:2: extraneous or missing " in quoted-field, in line 3`},
		{"no header", "a.csv", "", "a.csv:1: there is no header"},
		{"a nameless column", "a.csv", "a,,c\n", "a.csv:1: column 2 has no name"},
		{"a column twice", "a.csv", "a,b,a\n", `a.csv:1: two columns are named "a"`},
		{"broken JSON", "a.jsonl", "{\"a\":1}\n{\"a\":}\n", "a.jsonl:2: invalid character '}'"},
		{"no object", "a.jsonl", "[1]\n", "a.jsonl:1: a record must be an object, not a number"},
		{"a text", "a.jsonl", "{}\n\"x\"\n", "a.jsonl:2: a record must be an object, not a string"},
		{"null", "a.jsonl", "null\n", "a.jsonl:1: a record must be an object, not null"},
		{"a strange id", "a.jsonl", "{\"id\":{}}\n", "a.jsonl:1: the id must be text or a number"},
		{"a list that ends early", "a.json", "[{},\n{}\n", "a.json:2: the JSON ends in the middle"},
		{"something behind the list", "a.json", "[{}]\n{}", "a.json:2: something stands behind the list"},
		{"the line in a list", "a.json", "[{},\n\n{\"id\":[]}]", "a.json:3: the id must be"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.file)
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			in, err := openInput(path, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			in.name = test.file
			var got []string
			for r, err := range in.rows() {
				if err != nil {
					if code := retrain.CodeOf(err); code != retrain.DataValidationError {
						t.Errorf("code %s", code)
					}
					got = []string{strings.TrimPrefix(err.Error(), "DataValidationError: ")}
					break
				}
				got = append(got, asJSON(t, r.record))
			}
			if got := strings.Join(got, " "); got != test.want && (test.want == "" || !strings.HasPrefix(got, test.want)) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
