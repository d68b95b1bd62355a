package examples_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A step is a command of a page, and what it prints.
type step struct {
	command string
	want    []string // lines
	silent  bool     // the page does not say what it prints: it must succeed
}

var block = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")

// stepsOf reads the commands of a page. In a block of the kind console "$ " begins a command, the lines after it are what it
// prints; in one of the kind sh every line is a command.
func stepsOf(t *testing.T, page string) (steps []step) {
	t.Helper()
	for _, b := range block.FindAllStringSubmatch(read(t, page), -1) {
		switch b[1] {
		case "console":
			steps = append(steps, dialogue(b[2])...)
		case "sh":
			steps = append(steps, script(b[2])...)
		case "bash", "shell", "zsh":
			t.Errorf("%s: a block of the kind %s: is it sh, or console?", page, b[1])
		}
	}
	return steps
}

func dialogue(text string) (steps []step) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if command, begins := strings.CutPrefix(line, "$ "); begins {
			steps = append(steps, step{command: command})
		} else {
			last := &steps[len(steps)-1]
			last.want = append(last.want, line)
		}
	}
	return steps
}

// script splits the lines of a shell: one that ends with \ goes on, and so does one with a <<END.
func script(text string) (steps []step) {
	command := ""
	for line := range strings.Lines(text) {
		command += line
		open := strings.Contains(command, "<<END") && !strings.HasSuffix(command, "\nEND\n")
		if open || strings.HasSuffix(line, "\\\n") {
			continue
		}
		if command = strings.TrimSpace(command); command != "" && !strings.HasPrefix(command, "#") {
			steps = append(steps, step{command: command, silent: true})
		}
		command = ""
	}
	return steps
}

// declared returns the first block of a page of the kind yaml.
func declared(t *testing.T, page string) string {
	t.Helper()
	for _, b := range block.FindAllStringSubmatch(read(t, page), -1) {
		if b[1] == "yaml" {
			return b[2]
		}
	}
	t.Fatalf("%s shows no YAML", page)
	return ""
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
