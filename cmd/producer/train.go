package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"retrain"
)

func (p *program) trainCommand() *cli.Command {
	return &cli.Command{
		Name:      "train",
		Aliases:   []string{"retrain"},
		Usage:     "train a model now",
		ArgsUsage: "MODEL",
		Description: `  producer train price
  producer train price --wait                 follow it to the verdict; exit 1 where it fails
  producer train price --reset-weights=false  go on from the champion's weights`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "wait", Aliases: []string{"w"}, Usage: "wait for the verdict, and show the progress"},
			&cli.BoolFlag{Name: "reset-weights", Value: true, Usage: "begin with new weights; =false goes on from the champion's"},
			&cli.DurationFlag{Name: "timeout", DefaultText: "for ever", Usage: "wait no longer than `TIME`, like 10m; the training goes on"},
		},
		Action: p.joined(train, "MODEL"),
	}
}

// A requested is the answer to a request for a run, with its verdict where somebody waited for it.
type requested struct {
	Run             string             `json:"run"`
	Model           string             `json:"model"`
	State           retrain.RunState   `json:"state"`
	Version         int                `json:"version,omitempty"`
	Samples         int                `json:"samples,omitempty"`
	Epochs          int                `json:"epochs,omitempty"`
	Loss            *float64           `json:"loss,omitempty"`
	Metrics         map[string]float64 `json:"metrics,omitempty"`
	DurationSeconds float64            `json:"durationSeconds,omitempty"`
	Why             string             `json:"why,omitempty"`
}

func train(ctx context.Context, c *call) error {
	model := c.name(0)
	f := follower{call: c}
	if c.flags.Bool("wait") {
		stop := f.listen(ctx) // before the request, so that its end is not missed
		defer stop()
	}
	id, err := c.app.Train(ctx, model, c.flags.Bool("reset-weights"))
	if err != nil {
		return err
	}
	return c.followed(ctx, &f, id)
}

// followed answers with a run that was requested, or with its verdict where that is wanted.
func (c *call) followed(ctx context.Context, f *follower, id retrain.RunID) error {
	answer := requested{Run: id.String(), Model: id.Model, State: retrain.Queued}
	if !c.flags.Bool("wait") {
		return c.answer(answer, func(w io.Writer) {
			fmt.Fprintf(w, "run %s requested\n", id)
			c.sayf("next: producer status %s --watch", id.Model)
		})
	}
	c.sayf("run %s requested", id)
	r, err := f.verdict(ctx, id)
	if err != nil {
		return err
	}
	answer.conclude(r)
	return c.answer(answer, func(w io.Writer) { answer.print(c, w) })
}

func (a *requested) conclude(r *retrain.Result) {
	a.State, a.Version, a.Samples, a.Epochs, a.Metrics = r.State, r.Version, r.Samples, r.Epochs, r.Metrics
	a.Loss, a.DurationSeconds, a.Why = &r.Loss, r.DurationSeconds, r.Why
}

func (a *requested) print(c *call, w io.Writer) {
	state := c.colour(string(a.State), text.FgGreen)
	if a.State != retrain.Published {
		state = c.colour(string(a.State), text.FgYellow)
	}
	fmt.Fprintf(w, "%s %s", a.Run, state)
	if a.Version > 0 {
		fmt.Fprintf(w, " as version %d", a.Version)
	}
	fmt.Fprintf(w, ": %d samples, %d epochs, loss %.4g, %.1f s\n", a.Samples, a.Epochs, *a.Loss, a.DurationSeconds)
	if line := metricsLine(a.Metrics); line != "" {
		fmt.Fprintln(w, line)
	}
	if a.State == retrain.Rejected {
		fmt.Fprintf(w, "the champion stays: %s\n", a.Why)
	}
}

// metricsLine returns "mae 2.1  r2 0.91". What a model without any features would reach is left out.
func metricsLine(metrics map[string]float64) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if strings.HasPrefix(name, "baseline") {
			continue
		}
		words = append(words, fmt.Sprintf("%s %.4g", name, metrics[name]))
	}
	return strings.Join(words, "  ")
}

// failed turns a verdict that is no success into the error that people see.
func failed(id retrain.RunID, r *retrain.Result) error {
	switch {
	case r.State == retrain.Cancelled:
		return retrain.Errorf(retrain.TrainingError, "run %s was cancelled", id)
	case r.State != retrain.Failed:
		return nil
	case r.Error == nil:
		return retrain.Errorf(retrain.TrainingError, "run %s failed", id)
	}
	e := *r.Error
	if e.Code != retrain.InsufficientDataError { // whose words are fixed
		e.Message = fmt.Sprintf("run %s: %s", id, e.Message)
	}
	return &e
}

// A follower waits for a run's end: by the events, and by looking, since events are only hints.
type follower struct {
	*call
	woken chan struct{}
}

const (
	look     = 250 * time.Millisecond // between two looks at the progress
	patience = 10 * time.Second       // until people are told that no worker comes
)

// listen begins to follow the events; stop ends it.
func (f *follower) listen(ctx context.Context) (stop func()) {
	f.woken = make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range f.app.Stream.Events(ctx) { // an error is no news: what matters is looked up anyway
			select {
			case f.woken <- struct{}{}:
			default:
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// verdict waits for a run's end and returns its result, or the error that a failed run ended with.
func (f *follower) verdict(ctx context.Context, id retrain.RunID) (*retrain.Result, error) {
	if limit := f.flags.Duration("timeout"); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, retrain.Errorf(retrain.UnavailableError, "run %s has no verdict after %s", id, limit).
			WithHint("it goes on: producer status %s --watch", id.Model))
		defer cancel()
	}
	s := newShow(f.call, id)
	defer s.end()
	began := time.Now()
	for {
		f.progress(ctx, id, s)
		run, err := f.app.Runs.Run(ctx, id)
		if err != nil {
			return nil, f.interrupted(ctx, id, err)
		}
		if run.Result != nil && f.concluded(ctx, &run) {
			return run.Result, failed(id, run.Result)
		}
		s.state(run.State(), time.Since(began))
		select {
		case <-ctx.Done():
			return nil, f.interrupted(ctx, id, ctx.Err())
		case <-f.woken:
		case <-time.After(look):
		}
	}
}

// concluded reports whether a published version is champion, which it becomes right after the verdict.
func (f *follower) concluded(ctx context.Context, run *retrain.Run) bool {
	if run.Result.State != retrain.Published || time.Since(run.Result.EndedAt) > patience {
		return true
	}
	c, err := f.app.Registry.Champion(ctx, run.ID.Model)
	return err == nil && c.Highest >= run.Result.Version
}

// interrupted says that the run goes on although nobody waits any more.
func (f *follower) interrupted(ctx context.Context, id retrain.RunID, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		if _, ok := errors.AsType[*retrain.Error](cause); ok {
			return cause
		}
		return retrain.Errorf(retrain.MLError, "interrupted").WithHint("run %s goes on: producer status %s --watch", id, id.Model)
	}
	return err
}

// progress shows how far the run has come. Whether it can be shown does not matter to the run.
func (f *follower) progress(ctx context.Context, id retrain.RunID, s *show) {
	p, ok, err := f.app.Ledger.Progress(ctx, id.Model)
	if ok && err == nil && p.Run == id.String() {
		s.progress(p)
	}
	if errors.Is(err, retrain.UnavailableError) {
		s.lost()
	}
}
