package examples_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A reader types what a page says: standalone in one terminal, everything else in another one.
type reader struct {
	*testing.T
	dir        string
	env        []string
	standalone *exec.Cmd
	alive      *os.File // ends with standalone and all that it has started
	shell      io.Writer
	hangUp     func()
	printed    *bufio.Reader

	scene scene
	used  map[string]bool   // of the scene
	at    *strings.Replacer // the addresses that the page has → those that standalone really has
}

// How long a command may take, on the busiest of machines.
const patience = 5 * time.Minute

// newReader returns a reader in a folder that looks like the checkout after `make build`.
func newReader(t *testing.T, bin string) *reader {
	t.Helper()
	r := &reader{T: t, dir: t.TempDir(), used: map[string]bool{}, at: strings.NewReplacer()}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"bin": bin, "examples": here, "internal": filepath.Join(here, "../internal"), "docs": filepath.Join(here, "../docs"), "deploy": filepath.Join(here, "../deploy")} {
		if err := os.Symlink(to, filepath.Join(r.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "RETRAIN_") {
			r.env = append(r.env, v)
		}
	}
	r.open()
	t.Cleanup(func() {
		if r.standalone != nil {
			r.stop(syscall.SIGTERM)
		}
	})
	return r
}

// open opens the second terminal.
func (r *reader) open() {
	r.Helper()
	shell := exec.Command("bash")
	shell.Dir, shell.Env, shell.SysProcAttr = r.dir, r.env, &syscall.SysProcAttr{Setpgid: true}
	r.hangUp = func() { _ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) } // with all that it has started
	in, err := shell.StdinPipe()
	if err != nil {
		r.Fatal(err)
	}
	out, err := shell.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		r.Fatal(err)
	}
	r.shell, r.printed = in, bufio.NewReader(out)
	r.Cleanup(func() {
		_ = in.Close()
		_ = shell.Wait()
	})
	r.run("exec 2>&1")
}

// do types a command and compares what it prints.
func (r *reader) do(s step) {
	r.Helper()
	got, code := []string(nil), 0
	switch {
	case strings.HasPrefix(s.command, "bin/standalone "):
		got = r.start(strings.Fields(s.command))
	case s.command == "pkill -9 standalone": // only ours
		r.stop(syscall.SIGKILL)
	default:
		got, code = r.run(r.at.Replace(s.command))
	}
	switch {
	case s.silent && code != 0:
		r.Fatalf("%s\nexits with %d:\n%s", s.command, code, strings.Join(got, "\n"))
	case !s.silent && !matches(s.want, got):
		r.Fatalf("$ %s\nprints\n%s\nwant\n%s", s.command, strings.Join(got, "\n"), strings.Join(s.want, "\n"))
	}
}

// run types a command and returns the lines that it prints, and its exit status.
func (r *reader) run(command string) (lines []string, code int) {
	r.Helper()
	const end = "--- printed --- "
	late := time.AfterFunc(patience, r.hangUp)
	defer late.Stop()
	if _, err := fmt.Fprintf(r.shell, "%s\necho \"%s$?\"\n", command, end); err != nil {
		r.Fatal(err)
	}
	for {
		line, err := r.printed.ReadString('\n')
		if err != nil {
			r.Fatalf("$ %s: %v after %q", command, err, lines)
		}
		line = strings.TrimSuffix(line, "\n")
		if before, status, ends := strings.Cut(line, end); ends { // what is printed last may lack its newline
			if before != "" {
				lines = append(lines, before)
			}
			if code, err = strconv.Atoi(status); err != nil {
				r.Fatal(err)
			}
			return lines, code
		}
		lines = append(lines, line)
	}
}

// start starts standalone, on ports that are free, and returns what it prints until it is ready.
func (r *reader) start(words []string) (lines []string) {
	r.Helper()
	r.standalone = exec.Command(words[0], append(words[1:], "--listen", "127.0.0.1:0", "--predict-listen", "127.0.0.1:0")...)
	r.standalone.Dir, r.standalone.Env = r.dir, r.env
	out, err := r.standalone.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	log := new(bytes.Buffer)
	r.standalone.Stderr = log
	alive, held, err := os.Pipe()
	if err != nil {
		r.Fatal(err)
	}
	// Twice, since standalone gives Redis a file of its own as the first of its extra ones: the second is what Redis keeps open.
	r.alive, r.standalone.ExtraFiles = alive, []*os.File{held, held}
	err = r.standalone.Start()
	_ = held.Close()
	if err != nil {
		r.Fatal(err)
	}
	for in := bufio.NewScanner(out); in.Scan(); {
		if lines = append(lines, in.Text()); strings.HasPrefix(in.Text(), "Try:") {
			r.at = addresses(lines)
			return lines
		}
	}
	r.Fatalf("standalone ended: %v\n%s", r.standalone.Wait(), log)
	return nil
}

// addresses reads them from standalone's welcome.
func addresses(welcome []string) *strings.Replacer {
	var pairs []string
	for _, line := range welcome {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "  status "):
			pairs = append(pairs, "localhost:8080", strings.Split(words[1], "/")[2])
		case strings.HasPrefix(line, "  predictions "):
			pairs = append(pairs, "localhost:8501", strings.Split(words[1], "/")[2])
		}
	}
	return strings.NewReplacer(pairs...)
}

func (r *reader) stop(how os.Signal) {
	_ = r.standalone.Process.Signal(how) // it may have ended
	_ = r.standalone.Wait()
	_, _ = r.alive.Read(make([]byte, 1)) // its Redis may still be writing
	_ = r.alive.Close()
	r.standalone = nil
}
