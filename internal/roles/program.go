package roles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/internal/app"
)

// Main runs a program until it is done or told to stop by a signal, and ends it: with 0 when that went well, with 1 when it
// did not, with 2 for a command line that cannot be understood. A second signal ends it at once.
func Main(tree *cli.App) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	tree.HideHelpCommand = true
	tree.ExitErrHandler = func(*cli.Context, error) {}
	tree.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return misuse{err} }
	if tree.Action == nil {
		tree.Action = unknown
	}
	for _, c := range tree.Commands {
		c.OnUsageError = tree.OnUsageError
	}
	os.Exit(report(tree.RunContext(ctx, os.Args)))
}

// unknown is what a program does that has commands, but was given none of them.
func unknown(c *cli.Context) error {
	if c.NArg() > 0 {
		return Misuse("%s has no command %q", c.App.Name, c.Args().First())
	}
	return cli.ShowAppHelp(c)
}

type misuse struct{ error }

// Misuse returns the error of a command line that cannot be understood.
func Misuse(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

func report(err error) int {
	if err == nil {
		return 0
	}
	if wrong, ok := errors.AsType[misuse](err); ok {
		fmt.Fprintf(os.Stderr, "UsageError: %s\nhint: --help shows what there is\n", wrong)
		return 2
	}
	code := retrain.CodeOf(err)
	fmt.Fprintf(os.Stderr, "%s: %s\n", code, strings.Replace(err.Error(), string(code)+": ", "", 1))
	if e, ok := errors.AsType[*retrain.Error](err); ok && e.Hint != "" {
		fmt.Fprintf(os.Stderr, "hint: %s\n", e.Hint)
	}
	return 1
}

// Flags returns the flags that all programs have which run for long.
func Flags() []cli.Flag {
	return append(LogFlags(), app.Flags()...)
}

// Key returns the API key that callers must know, "" for none.
func Key() string { return os.Getenv("RETRAIN_API_KEY") }

// Joined returns an action that has the parts of the system at hand.
func Joined(do func(c *cli.Context, a *app.App) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.NArg() > 0 {
			return Misuse("%s does not know what to do with %q", cmp.Or(c.Command.Name, c.App.Name), c.Args().First())
		}
		config, err := app.Load(c)
		if err != nil {
			return err
		}
		a, err := app.Open(c.Context, config, Log(c))
		if err != nil {
			return err
		}
		return errors.Join(do(c, a), a.Close())
	}
}

// patience is how long a role may take to end that was told to. Whatever it still waits for then, a Redis that does not answer,
// mostly, is left to others: they would notice its death as well.
const patience = 4700 * time.Millisecond

// Within does what do does, and returns as that does, or at the latest a moment less than five seconds after ctx has ended.
func Within(ctx context.Context, log *slog.Logger, do func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- do() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		log.Warn("ended without waiting any longer for Redis, S3, or what is at work")
		return nil
	}
}
