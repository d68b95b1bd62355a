package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"retrain/internal/app"
)

// A call is one command at work.
type call struct {
	*program
	flags  *cli.Context
	config *app.Config
	app    *app.App
	paint  bool
}

// joined returns an action that has the parts of the system at hand. They connect when they are first used.
func (p *program) joined(do func(ctx context.Context, c *call) error) cli.ActionFunc {
	return func(flags *cli.Context) (err error) {
		config, err := app.Load(flags)
		if err != nil {
			return err
		}
		return p.on(flags, config, do)
	}
}

// on calls do with the parts that a configuration names.
func (p *program) on(flags *cli.Context, config *app.Config, do func(ctx context.Context, c *call) error) error {
	a, err := app.Open(flags.Context, config, p.logger(flags))
	if err != nil {
		return err
	}
	c := &call{program: p, flags: flags, config: config, app: a, paint: p.Paint && painted(flags)}
	return errors.Join(do(flags.Context, c), a.Close())
}

// names returns the names behind the command, as many as are said.
func (c *call) names(what ...string) ([]string, error) { return names(c.flags, what...) }

func names(flags *cli.Context, what ...string) ([]string, error) {
	given := flags.Args().Slice()
	switch {
	case len(given) < len(what):
		return nil, usage("%s needs %s", flags.Command.Name, what[len(given)]).hinted("producer " + flags.Command.Name + " --help")
	case len(given) > len(what):
		return nil, usage("%s does not know what to do with %q", flags.Command.Name, given[len(what)]).hinted("producer " + flags.Command.Name + " --help")
	}
	return given, nil
}

// optional returns the only name behind the command, "" for none.
func (c *call) optional() (string, error) {
	if c.flags.NArg() == 0 {
		return "", nil
	}
	given, err := c.names("")
	if err != nil {
		return "", err
	}
	return given[0], nil
}

// json reports whether programs read the answer.
func (c *call) json() bool { return c.flags.Bool("json") }

// answer prints v as JSON for programs, or what people writes for people.
func (c *call) answer(v any, people func(w io.Writer)) error {
	if !c.json() {
		people(c.Stdout)
		return nil
	}
	e := json.NewEncoder(c.Stdout)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// say tells people on stderr what goes on.
func (c *call) say(format string, args ...any) {
	if !c.flags.Bool("quiet") {
		fmt.Fprintf(c.Stderr, format+"\n", args...)
	}
}

// animated reports whether a bar may move on stderr.
func (c *call) animated() bool {
	return c.Animate && !c.flags.Bool("quiet") && !c.flags.Bool("verbose") && os.Getenv("TERM") != "dumb"
}

// colour paints a word where that is wanted.
func (c *call) colour(word string, colours ...text.Color) string {
	if !c.paint {
		return word
	}
	return text.Colors(colours).EscapeSeq() + word + text.Reset.EscapeSeq()
}

// listing returns an empty table without lines, whose columns are as wide as what is in them.
func listing(w io.Writer, header ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.Style{Box: table.BoxStyle{PaddingRight: "   ", MiddleVertical: ""}, Format: table.FormatOptions{Header: text.FormatUpper},
		Options: table.OptionsNoBordersAndSeparators})
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row(header))
	return t
}
