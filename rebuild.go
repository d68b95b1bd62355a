package retrain

import (
	"context"
	"errors"
	"time"
)

// A past is what S3 says of a model: its state but for the count, and which batches no longer count.
type past struct {
	State
	learnt []string       // batches of the last run that learnt
	taken  map[string]int // rows by batch, of the run at work
	failed time.Time      // when the newest failure was
	served int            // the highest version that became champion by itself
}

// rebuild tells the ledger again what S3 says of m.
func (s *Sweeper) rebuild(ctx context.Context, m *Model) error {
	p, err := s.recall(ctx, m)
	if err != nil {
		return err
	}
	if err := s.Ledger.Reset(ctx, m.Name, p.State, p.learnt, p.taken); err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "state rebuilt", "model", m.Name, "latest", p.Latest, "running", p.Running, "queued", p.Queued)
	return s.count(ctx, m)
}

// recall reads a model's runs, newest first, back to the last that learnt something.
func (s *Sweeper) recall(ctx context.Context, m *Model) (p past, err error) {
	if s.Champion != nil {
		c, err := s.Champion(ctx, m.Name)
		if err != nil && !errors.Is(err, ModelNotTrainedError) {
			return p, err
		}
		p.served, p.Latest = c.Highest, c.Highest // a model that was disposed of goes on with its numbers
	}
	for run, err := range s.History.Runs(ctx, m.Name) {
		if err != nil {
			return p, err
		}
		p.Latest = max(p.Latest, run.ID.Number)
		if err := s.recallRun(ctx, m, &p, &run); err != nil {
			return p, err
		}
		if p.learnt != nil {
			break
		}
	}
	if p.Failures > 0 {
		p.NotBefore = p.failed.Add(Backoff(p.Failures))
	}
	return p, nil
}

func (s *Sweeper) recallRun(ctx context.Context, m *Model, p *past, run *Run) (err error) {
	switch run.State() {
	case Queued:
		p.Queued = run.ID.Number
	case Running:
		p.Running, p.Since = run.ID.Number, run.Start.BeganAt
		p.taken, err = s.takenBy(ctx, m, run)
	case Failed:
		err = s.recallFailure(ctx, m, p, run)
	case Published, Rejected:
		if p.Since.IsZero() {
			p.Since = run.Start.BeganAt
		}
		p.learnt = run.Start.Dataset.Batches()
		if s.Champion != nil && run.State() == Published && run.ID.Number > p.served { // its worker died before it was made champion
			p.Running = run.ID.Number
		}
	case Cancelled:
		p.recallCancelled(run)
	}
	return err
}

// recallCancelled sets rows aside that a cancelled run left, unless something has become of the model since.
func (p *past) recallCancelled(run *Run) {
	if p.Running == 0 && p.failed.IsZero() && p.Since.IsZero() {
		p.SetAside, p.Since = run.Result.SetAside, run.Result.EndedAt
	}
}

// recallFailure counts a failed run. The first that it sees is the newest: its error is the one to show.
func (s *Sweeper) recallFailure(ctx context.Context, m *Model, p *past, run *Run) error {
	o := run.outcome()
	newest := p.failed.IsZero()
	if o.Failed {
		p.Failures++
	}
	if !newest {
		return nil
	}
	p.failed, p.LastError = o.At, o.Error
	if o.Needs == 0 {
		return nil
	}
	rows, err := s.takenBy(ctx, m, run)
	for _, n := range rows {
		p.Needs += n
	}
	p.Needs += o.Needs
	return err
}

// takenBy returns the rows that a run's batches have for m.
func (s *Sweeper) takenBy(ctx context.Context, m *Model, run *Run) (map[string]int, error) {
	if run.Start == nil {
		return nil, nil //nolint:nilnil // it failed before it took anything
	}
	taken := make(map[string]int, len(run.Start.Dataset.Objects))
	for _, batch := range run.Start.Dataset.Batches() {
		rows, err := s.rows(ctx, m, run.Start.Dataset, batch)
		if run.Start.Dataset.From != nil && errors.Is(err, NotFoundError) {
			rows, err = 0, nil // others have taken it away since: there is nothing to give back
		}
		if err != nil {
			return nil, err
		}
		taken[batch] = rows
	}
	return taken, nil
}
