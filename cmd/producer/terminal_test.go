package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// onTerminal types a command as a person does: on a terminal, which likes colours and moving bars.
func (s *stage) onTerminal(args ...string) result {
	s.Helper()
	p := &program{Stdin: strings.NewReader(""), Typed: true, Animate: true, Paint: true}
	return p.typed(s.Context(), append([]string{"--config", s.file}, args...)...)
}

func TestColoursAndBarsAreForTerminals(t *testing.T) {
	s := newStage(t).applied().works()
	file := s.write("six.csv", sixRows)
	if r := s.run("insert", "products", file, "--batch-id", "b"); strings.ContainsAny(r.stderr+r.stdout, "\r\x1b") {
		t.Errorf("a bar without a terminal: %q", r.stderr)
	}
	if r := s.onTerminal("insert", "products", file, "--batch-id", "b", "--quiet"); r.stderr != "" {
		t.Errorf("not quiet: %q", r.stderr)
	}
	if r := s.onTerminal("train", "price", "--wait", "--reset-weights"); !strings.Contains(r.stdout, "\x1b[32mpublished") {
		t.Errorf("no colour: %q", r.stdout)
	}
	if r := s.onTerminal("status", "--no-color"); strings.Contains(r.stdout, "\x1b") {
		t.Errorf("a colour: %q", r.stdout)
	}
	if r := s.onTerminal("insert", "products"); r.code != 2 || !strings.Contains(r.stderr, "insert needs a FILE") {
		t.Errorf("waits for what nobody types: %+v", r)
	}
}

func TestWatch(t *testing.T) {
	s := newStage(t).applied()
	cmd := s.process("status", "price", "--watch", "--interval", "100ms")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	next := func(words string) {
		for lines.Scan() {
			if strings.Contains(lines.Text(), words) {
				return
			}
		}
		t.Errorf("no line with %q", words)
	}
	next("untrained")
	s.ok("pause", "price")
	next("paused")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	more := 0
	for lines.Scan() {
		more++
	}
	if err := cmd.Wait(); err != nil || more > 0 {
		t.Errorf("%v, and %d lines where nothing had changed", err, more)
	}
}

// Whoever stops an insert half way and repeats it with its batch id has stored everything once.
func TestAnInsertGoesOn(t *testing.T) {
	s := newStage(t).applied()
	const rows = 30_000
	var text strings.Builder
	text.WriteString("cost,price\n")
	for i := range rows {
		fmt.Fprintf(&text, "%d,-1\n", i)
	}
	file := s.write("many.csv", text.String())
	stopped := 0
	for wait := 20 * time.Millisecond; ; wait += 20 * time.Millisecond {
		ctx, stop := context.WithTimeout(t.Context(), wait)
		r := s.typed(ctx, "", "insert", "products", file, "--batch-id", "many")
		stop()
		if r.code == 0 {
			break
		}
		if !strings.Contains(r.stderr, "interrupted") {
			t.Fatalf("%+v", r)
		}
		stopped++
	}
	var n struct{ Count int }
	if s.json(&n, "records", "products", "--count"); n.Count != rows {
		t.Errorf("stopped %d times: %d records, want %d", stopped, n.Count, rows)
	}
	t.Logf("stopped %d times", stopped)
}

func FuzzArrange(f *testing.F) {
	f.Add("train price --wait")
	f.Add("--json -- - --x=1 predict")
	f.Add("help train help -h --=")
	tree := new(program).tree()
	f.Fuzz(func(_ *testing.T, line string) {
		_, _ = arrange(tree, append([]string{"producer"}, strings.Fields(line)...)) // it must not panic
	})
}
