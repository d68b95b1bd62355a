package roles

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"

	"retrain"
)

// LogFlags returns the flags that say what is logged, and how.
func LogFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.BoolFlag{Name: "verbose", Usage: "log what happens inside; as --log-level debug", EnvVars: []string{"RETRAIN_VERBOSE"}},
	}, LineFlags()...)
}

// LineFlags returns those of LogFlags that say which lines there are, and how they are written.
func LineFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "log-level", Usage: "log from `LEVEL` on: debug, info, warn or error", Value: "info", EnvVars: []string{"RETRAIN_LOG_LEVEL"}, Action: levelKnown},
		&cli.StringFlag{Name: "log-format", Usage: "`text` or json", Value: "text", EnvVars: []string{"RETRAIN_LOG_FORMAT"}, Action: formatKnown},
	}
}

func levelKnown(_ *cli.Context, given string) error {
	switch given {
	case "debug", "info", "warn", "error":
		return nil
	}
	return Misuse("--log-level %q is not one of debug, info, warn, error", given)
}

func formatKnown(_ *cli.Context, given string) error {
	switch given {
	case "text", "json":
		return nil
	}
	return Misuse("--log-format %q is not one of text, json", given)
}

// Log returns the log of a program, on stderr.
func Log(c *cli.Context) *slog.Logger { return LogOn(os.Stderr, c) }

// LogOn returns the log that the flags ask for.
func LogOn(w io.Writer, c *cli.Context) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		level = slog.LevelInfo
	}
	if c.Bool("verbose") {
		level = slog.LevelDebug
	}
	return LogTo(w, c.String("log-format"), level)
}

// LogTo returns a log in a format, text or json, from a level on. Lines that belong to a run name it and its model.
func LogTo(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(ofRuns{slog.NewJSONHandler(w, options)})
	}
	return slog.New(ofRuns{slog.NewTextHandler(w, options)})
}

// ofRuns adds the run that a line's context is of, where the line does not name it.
type ofRuns struct{ slog.Handler }

// Handle implements slog.Handler.
func (h ofRuns) Handle(ctx context.Context, r slog.Record) error {
	id, ok := retrain.RunIn(ctx)
	if !ok {
		return h.Handler.Handle(ctx, r)
	}
	named := make(map[string]bool, 2)
	r.Attrs(func(a slog.Attr) bool {
		named[a.Key] = true
		return true
	})
	r = r.Clone()
	for _, a := range []slog.Attr{slog.String("run", id.String()), slog.String("model", id.Model)} {
		if !named[a.Key] {
			r.AddAttrs(a)
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h ofRuns) WithAttrs(attrs []slog.Attr) slog.Handler { return ofRuns{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h ofRuns) WithGroup(name string) slog.Handler { return ofRuns{h.Handler.WithGroup(name)} }
