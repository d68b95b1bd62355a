// Command producer is what people type: it declares models, inserts records, asks for trainings and predictions, and shows
// how everything stands. It never links TensorFlow.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	p := &program{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Typed: term.IsTerminal(int(os.Stdin.Fd())), Animate: term.IsTerminal(int(os.Stderr.Fd())), Paint: term.IsTerminal(int(os.Stdout.Fd())), Size: size}
	os.Exit(p.Run(ctx, os.Args))
}

// size returns the columns and lines of the terminal; 0 for one that does not say.
func size() (columns, lines int) {
	columns, lines, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, lines
}
