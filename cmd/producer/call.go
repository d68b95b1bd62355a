package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"retrain"
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

// joined returns an action that has the parts of the system at hand. They connect when they are first used. The names behind
// the command must be as many as are said; those in brackets may be left out.
func (p *program) joined(do func(ctx context.Context, c *call) error, what ...string) cli.ActionFunc {
	return func(flags *cli.Context) error {
		if p.parsed != nil {
			p.parsed()
		}
		if err := named(flags, what...); err != nil {
			return err
		}
		config, err := app.Load(flags)
		if err != nil {
			return err
		}
		return p.on(flags, config, do)
	}
}

// named reports whether the names behind a command are those that it needs.
func named(flags *cli.Context, what ...string) error {
	n := flags.NArg()
	help := "producer " + flags.Command.Name + " --help"
	if many := len(what) > 0 && strings.HasSuffix(what[len(what)-1], "…"); n > len(what) && !many {
		return usage("%s does not know what to do with %q", flags.Command.Name, flags.Args().Get(len(what))).hinted(help)
	}
	if n < len(what) && !strings.HasPrefix(what[n], "[") {
		return usage("%s needs %s", flags.Command.Name, what[n]).hinted(help)
	}
	return nil
}

// on calls do with the parts that a configuration names.
func (p *program) on(flags *cli.Context, config *app.Config, do func(ctx context.Context, c *call) error) error {
	a, err := app.Open(flags.Context, config, p.logger(flags))
	if err != nil {
		return err
	}
	a.By, a.Requester.By = whoami(), whoami()
	c := &call{program: p, flags: flags, config: config, app: a, paint: p.Paint && painted(flags)}
	err = do(flags.Context, c)
	return errors.Join(c.suggested(err), a.Close())
}

// suggested adds the name that was probably meant, where nothing has the one that was typed.
func (c *call) suggested(err error) error {
	e, ok := errors.AsType[*retrain.Error](err)
	if !ok || e.Code != retrain.ModelNotFoundError && e.Code != retrain.NotFoundError {
		return err
	}
	specs, listed := c.app.Catalog.Specs(c.flags.Context)
	if listed != nil {
		return err
	}
	var known []string
	switch e.Message {
	case fmt.Sprintf("no model %q", c.name(0)):
		for _, m := range specs.Models {
			known = append(known, m.Name)
		}
	case fmt.Sprintf("no resource %q", c.name(0)):
		for i := range specs.Resources {
			known = append(known, specs.Resources[i].Name)
		}
	}
	if near := app.Nearest(c.name(0), known); near != "" {
		return retrain.Errorf(e.Code, "%s", e.Message).WithHint("did you mean %s? %s", near, e.Hint)
	}
	return err
}

// name returns a name behind the command, "" for none.
func (c *call) name(i int) string { return c.flags.Args().Get(i) }

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

// sayf tells people on stderr what goes on.
func (c *call) sayf(format string, args ...any) {
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
