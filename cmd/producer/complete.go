package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"retrain/internal/app"
)

// How long a person waits for names.
const completionTime = time.Second

// What a flag may be where that is a word of a list.
var flagWords = map[string][]string{
	"type":          {"regression", "classification", "timeseries", "neural-network"},
	"output-format": {"jsonl", "parquet"},
	"label":         {"champion", "previous"},
}

// complete prints how the last of words may go on, one word a line. before are flags that stood before all of them, as in an alias.
// Nothing that goes wrong is said: nobody asked.
func (p *program) complete(ctx context.Context, before, words []string) {
	if len(words) == 0 {
		return
	}
	line := &line{tree: p.tree(), cursor: words[len(words)-1]}
	for _, w := range slices.Concat(before, words[:len(words)-1]) {
		line.take(w)
	}
	for _, w := range p.candidates(ctx, line) {
		if strings.HasPrefix(w, line.cursor) {
			fmt.Fprintln(p.Stdout, w)
		}
	}
}

// A line is a command line that is being typed.
type line struct {
	tree    *cli.App
	cursor  string // the word that is not complete
	command *cli.Command
	names   int      // behind the command
	global  []string // the program's flags
	open    cli.Flag // the flag whose value comes next
}

// take reads a word that is complete.
func (l *line) take(word string) {
	flag, value, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
	switch {
	case l.open != nil && word == "=": // as bash splits it
	case l.open != nil:
		l.flag(l.open, word)
		l.open = nil
	case strings.HasPrefix(word, "-") && word != "-":
		f := l.find(flag)
		if _, toggles := f.(*cli.BoolFlag); f == nil || toggles {
			return
		}
		if l.open = f; hasValue && value != "" {
			l.flag(f, value)
			l.open = nil
		}
	case l.command == nil && l.names == 0:
		if l.command = l.tree.Command(word); l.command == nil && word != "help" {
			l.names++ // there is no such command, and nothing to say
		}
	default:
		l.names++
	}
}

// flag keeps a flag of the program, which says where the system is.
func (l *line) flag(f cli.Flag, value string) {
	if find(l.tree.Flags, f.Names()[0]) != nil {
		l.global = append(l.global, "--"+f.Names()[0]+"="+value)
	}
}

func (l *line) find(name string) cli.Flag {
	if l.command != nil {
		if f := find(l.command.Flags, name); f != nil {
			return f
		}
	}
	return find(l.tree.Flags, name)
}

// candidates returns all words that could stand at the cursor; none where a file may.
func (p *program) candidates(ctx context.Context, l *line) []string {
	switch {
	case l.open != nil:
		return p.values(ctx, l)
	case strings.HasPrefix(l.cursor, "-"):
		return l.flags()
	case l.command == nil && l.names > 0:
		return nil
	case l.command == nil:
		var words []string
		for _, c := range l.tree.Commands {
			words = append(words, c.Name)
		}
		return append(words, "help")
	}
	expected := strings.Fields(l.command.ArgsUsage)
	if l.names >= len(expected) {
		return nil
	}
	switch what := strings.Trim(expected[l.names], "[]"); what {
	case "MODEL", "MODEL|RUN":
		models, _ := p.known(ctx, l.global)
		return models
	case "RESOURCE":
		_, resources := p.known(ctx, l.global)
		return resources
	case "s3db":
		return []string{what}
	default:
		if what == strings.ToLower(what) { // bash|zsh|fish
			return strings.Split(what, "|")
		}
	}
	return nil
}

// flags returns the flags of the command and of all commands.
func (l *line) flags() []string {
	all := append([]cli.Flag{&cli.BoolFlag{Name: "help"}}, l.tree.Flags...)
	if l.command != nil {
		all = append(all, l.command.Flags...)
	}
	words := make([]string, len(all))
	for i, f := range all {
		words[i] = "--" + f.Names()[0]
	}
	slices.Sort(words)
	return words
}

// values returns what the open flag may be.
func (p *program) values(ctx context.Context, l *line) []string {
	name := l.open.Names()[0]
	switch name {
	case "resource", "resources":
		_, resources := p.known(ctx, l.global)
		return resources
	case "as":
		models, _ := p.known(ctx, l.global)
		return models
	case "format":
		if l.command != nil && l.command.Name == "export" {
			return []string{savedModelFormat, jsonFormat}
		}
		return []string{"csv", "jsonl", "json", "parquet"}
	}
	return flagWords[name]
}

// known returns the models and resources of the system that flags, environment or file name.
func (p *program) known(ctx context.Context, flags []string) (models, resources []string) {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	tree := p.tree()
	tree.Writer, tree.ErrWriter = io.Discard, io.Discard
	tree.Commands = nil
	tree.Action = func(c *cli.Context) error {
		config, err := app.Load(c)
		if err != nil {
			return err
		}
		a, err := app.Open(c.Context, config, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer func() { _ = a.Close() }() // nobody needs it any more
		specs, err := a.Specs.Specs(c.Context)
		for _, m := range specs.Models {
			models = append(models, m.Name)
		}
		for _, r := range specs.Resources {
			resources = append(resources, r.Name)
		}
		return err
	}
	_ = tree.RunContext(ctx, append([]string{"producer"}, flags...)) // there are no names then
	slices.Sort(models)
	slices.Sort(resources)
	return models, resources
}
