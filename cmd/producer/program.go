package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"retrain/internal/app"
	"retrain/internal/roles"
)

// A program is the producer and the world that it runs in.
type program struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Typed          bool // stdin is a terminal: nothing comes from it unless somebody asks
	Animate        bool // stderr is a terminal: progress may move
	Paint          bool // stdout is a terminal: words may be coloured

	Size func() (columns, lines int) // of the terminal that stdout is, 0 for unknown; may be nil

	parsed func() // called when the command line is understood, so that tests can run several programs at once; may be nil
}

// Run does what args say and returns the exit code: 0 done, 1 failed, 2 wrong usage.
func (p *program) Run(ctx context.Context, args []string) int {
	tree := p.tree()
	if i := slices.Index(args, completeWord); i > 0 {
		p.complete(ctx, args[1:i], args[i+1:])
		return 0
	}
	arranged, err := arrange(tree, args)
	if err == nil {
		err = tree.RunContext(ctx, arranged)
	}
	if err == nil {
		return 0
	}
	return p.report(ctx, err, slices.Contains(args, "--json"))
}

// tree returns all commands and flags.
func (p *program) tree() *cli.App {
	return &cli.App{
		Name:                  "producer",
		Usage:                 "insert records, train models, ask for predictions",
		Version:               app.Version,
		Flags:                 append(commonFlags(), app.Flags()...),
		Commands:              p.commands(),
		CustomAppHelpTemplate: programHelp,
		Writer:                p.Stdout,
		ErrWriter:             p.Stderr,
		ExitErrHandler:        func(*cli.Context, error) {},
		OnUsageError:          misused,
		HideHelpCommand:       true, // arrange understands "help train"
	}
}

func commonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{DisableDefaultText: true, Name: "json", Usage: "print exactly one JSON value on stdout"},
		&cli.BoolFlag{DisableDefaultText: true, Name: "quiet", Aliases: []string{"q"}, Usage: "say nothing on stderr but errors"},
		&cli.BoolFlag{DisableDefaultText: true, Name: "verbose", Usage: "say on stderr what happens inside"},
		&cli.BoolFlag{DisableDefaultText: true, Name: "no-color", Usage: "no colours; NO_COLOR does the same"},
	}
}

// commands returns the commands in the order of a first visit.
func (p *program) commands() []*cli.Command {
	list := []*cli.Command{
		p.initCommand(), p.migrateCommand(), p.applyCommand(), p.diffCommand(), p.insertCommand(), p.updateCommand(), p.deleteCommand(), p.recordsCommand(),
		p.trainCommand(), p.statusCommand(), p.predictCommand(), p.forecastCommand(),
		p.modelsCommand(), p.showCommand(), p.versionsCommand(), p.runsCommand(), p.statsCommand(), p.importanceCommand(), p.tensorboardCommand(), p.reportCommand(), p.trainingDataCommand(),
		p.cancelCommand(), p.pauseCommand(), p.resumeCommand(),
		p.promoteCommand(), p.rollbackCommand(), p.historyCommand(), p.pinCommand(), p.unpinCommand(), p.disposeCommand(), p.exportCommand(), p.importCommand(),
		p.eventsCommand(), p.doctorCommand(), p.serveCommand(), p.keysCommand(), p.completionCommand(),
	}
	for _, c := range list {
		c.CustomHelpTemplate = commandHelp
		c.OnUsageError = misused
		for _, f := range c.Flags {
			if toggle, ok := f.(*cli.BoolFlag); ok {
				toggle.DisableDefaultText = !toggle.Value
			}
		}
	}
	return list
}

// misused takes what the library has to say of a command line.
func misused(_ *cli.Context, err error, _ bool) error {
	return usage("%s", strings.Replace(err.Error(), "flag -", "flag --", 1))
}

// logger returns the log for people: warnings, or everything with --verbose, on stderr. A server's is that of all servers.
func (p *program) logger(c *cli.Context) *slog.Logger {
	if c.Command.Name == serveName {
		return roles.LogOn(p.Stderr, c)
	}
	level := slog.LevelWarn
	switch {
	case c.Bool("verbose"):
		level = slog.LevelDebug
	case c.Bool("quiet"):
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime}))
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func painted(c *cli.Context) bool {
	return !c.Bool("no-color") && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
