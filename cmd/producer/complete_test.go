package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func (s *stage) completes(words ...string) string {
	s.Helper()
	r := typed(s.Context(), "", append([]string{"--config", s.file, completeWord}, words...)...)
	if r.code != 0 || r.stderr != "" {
		s.Errorf("%v: %+v", words, r)
	}
	return strings.Join(strings.Fields(r.stdout), " ")
}

func TestComplete(t *testing.T) {
	s := newStage(t).applied()
	for _, test := range []struct{ line, want string }{
		{"tra|", "train training-data"},
		{"train |", "never price"},
		{"train p|", "price"},
		{"train price |", ""},
		{"cancel |", "never price"},
		{"insert |", "products"},
		{"insert products |", ""},
		{"insert --batch-id x p|", "products"},
		{"train --wa|", "--wait"},
		{"tra --wai|", ""},
		{"--conf|", "--config"},
		{"export price --format |", "savedmodel json"},
		{"export price --format = j|", "json"},
		{"insert products --format j|", "jsonl json"},
		{"predict price --resource |", "products"},
		{"import f.json --as |", "never price"},
		{"import |", ""},
		{"init x.csv --type ti|", "timeseries"},
		{"completion |", "bash zsh fish"},
		{"migrate |", "s3db"},
		{"help ro|", "rollback"},
		{"nonsense |", ""},
		{"status --watch |", "never price"},
	} {
		words := strings.Split(strings.TrimSuffix(test.line, "|"), " ")
		if got := s.completes(words...); got != test.want {
			t.Errorf("%s: got %q, want %q", test.line, got, test.want)
		}
	}
}

// Who asks for names of a system that does not answer gets none, soon and without a word.
func TestCompleteNowhere(t *testing.T) {
	t.Setenv("RETRAIN_S3_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("RETRAIN_S3_BUCKET", "b")
	t.Setenv("RETRAIN_S3_ACCESS_KEY_ID", "k") // or else the AWS chain looks for one
	t.Setenv("RETRAIN_S3_SECRET_ACCESS_KEY", "s")
	began := time.Now()
	r := typed(t.Context(), "", completeWord, "train", "")
	if r.code != 0 || r.stdout+r.stderr != "" {
		t.Errorf("%+v", r)
	}
	r = typed(t.Context(), "", "--config", "nowhere.yaml", completeWord, "train", "")
	if r.code != 0 || r.stdout+r.stderr != "" || time.Since(began) > 20*time.Second {
		t.Errorf("%+v after %v", r, time.Since(began))
	}
}

// A real bash completes, also behind an alias that names the system.
func TestCompleteInBash(t *testing.T) {
	s := newStage(t).applied()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "producer"), []byte("#!/bin/sh\nexec "+os.Args[0]+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	script := `
shopt -s expand_aliases
source <(producer completion bash)
alias producer='producer --config ` + s.file + `'
ask() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _producer
  echo "${COMPREPLY[*]}"
}
ask producer tra
ask producer train ''
ask producer insert pro
ask producer train price --w
complete -p producer
`
	cmd := exec.CommandContext(t.Context(), "bash", "--norc", "-c", script)
	cmd.Env = append(os.Environ(), asProducer+"=1", "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	want := "train training-data\nnever price\nproducts\n--wait\ncomplete -o default -F _producer producer\n"
	if got := strings.ReplaceAll(string(out), "train\ntraining-data", "train training-data"); err != nil || got != want {
		t.Errorf("%v: got %q, want %q", err, got, want)
	}
}

// So do zsh and fish, where they are installed. zsh's completion runs under options of its own, and has words as they were typed.
func TestCompleteInOtherShells(t *testing.T) {
	s := newStage(t).applied()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "producer"), []byte("#!/bin/sh\nexec "+os.Args[0]+" --config "+s.file+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ shell, quiet, script string }{
		{"zsh", "-f", `
setopt bareglobqual extendedglob glob multibyte nullglob rcexpandparam unset
compdef() { }
compadd() { print -r -- "${found[*]}" }
_files() { print files }
source <(producer completion zsh)
ask() { words=("$@"); CURRENT=$#; _producer }
ask producer tra
ask producer train ''
ask producer insert --batch-id '"a b"' pro
ask producer apply --file ''
`},
		{"fish", "--no-config", `
producer completion fish | source
function ask; echo (complete -C "$argv"); end
ask "producer tra"
ask "producer train "
ask "producer insert --batch-id 'a b' pro"
touch files
ask "producer apply --file fil"
`},
	} {
		if _, err := exec.LookPath(test.shell); err != nil {
			continue
		}
		cmd := exec.CommandContext(t.Context(), test.shell, test.quiet, "-c", test.script)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), asProducer+"=1", "HOME="+cmd.Dir, "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if got, want := string(out), "train training-data\nnever price\nproducts\nfiles\n"; err != nil || got != want {
			t.Errorf("%s: %v: got %q, want %q", test.shell, err, got, want)
		}
	}
}
