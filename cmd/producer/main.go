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
		Typed: term.IsTerminal(int(os.Stdin.Fd())), Animate: term.IsTerminal(int(os.Stderr.Fd())), Paint: term.IsTerminal(int(os.Stdout.Fd()))}
	os.Exit(p.Run(ctx, os.Args))
}
