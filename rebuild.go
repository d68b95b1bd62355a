package retrain

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A past is what S3 says of a model: its state but for the count, and which batches no longer count.
type past struct {
	State
	learnt []string       // batches of the last run that learnt
	taken  map[string]int // rows by batch, of the run at work
	failed time.Time      // when the newest failure was
	served int            // the highest version that became champion by itself

	absorbed int // the latest absorption that was learnt, or that the run at work took

	running, needy *Run // the run at work; the newest one, if it failed for too few rows
}

// rebuild tells the ledger again what S3 says of m. What its resource holds is to be counted then.
func (s *Sweeper) rebuild(ctx context.Context, m *Model) error {
	p, err := s.recall(ctx, m)
	if err != nil {
		return err
	}
	folded, err := s.foldedLast(ctx, m, p.absorbed)
	if err != nil {
		return err
	}
	if err := s.Ledger.Reset(ctx, m.Name, p.State, p.learnt, p.taken, folded); err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "state rebuilt", "model", m.Name, "latest", p.Latest, "running", p.Running, "queued", p.Queued)
	return nil
}

// Of so many absorptions a rebuilt state knows which batches they have.
const reminded = 4

// foldedLast returns the batches of the last absorptions up to one. Somebody may have been about to count one of those, ever since before
// it was absorbed.
func (s *Sweeper) foldedLast(ctx context.Context, m *Model, last int) (folded []string, err error) {
	archive, ok := s.Source.(Archive)
	for n := last; ok && n > max(0, last-reminded); n-- {
		batches, err := archive.Absorbed(ctx, m.Resource, n)
		if err != nil {
			return nil, err
		}
		folded = append(folded, batches...)
	}
	return folded, nil
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
		s.recallRun(&p, m, &run)
		if p.learnt != nil {
			break
		}
	}
	if err := s.recallRows(ctx, m, &p); err != nil {
		return p, err
	}
	if p.Failures > 0 {
		p.NotBefore = p.failed.Add(Backoff(p.Failures))
	}
	return p, nil
}

func (s *Sweeper) recallRun(p *past, m *Model, run *Run) {
	state := run.State()
	if (state == Running || state == Published || state == Rejected) && run.Start.Dataset.Resource == m.Resource {
		p.absorbed = max(p.absorbed, run.Start.Dataset.Absorbed)
	}
	switch state {
	case Queued:
		p.Queued = run.ID.Number
	case Running:
		p.Running, p.Since = run.ID.Number, run.Start.BeganAt
		p.running = run
	case Failed:
		p.recallFailure(run)
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
}

// recallCancelled sets rows aside that a cancelled run left, unless something has become of the model since.
func (p *past) recallCancelled(run *Run) {
	if p.Running == 0 && p.failed.IsZero() && p.Since.IsZero() {
		p.SetAside, p.Since = run.Result.SetAside, run.Result.EndedAt
	}
}

// recallFailure counts a failed run. The first that it sees is the newest: its error is the one to show.
func (p *past) recallFailure(run *Run) {
	o := run.outcome()
	newest := p.failed.IsZero()
	if o.Failed {
		p.Failures++
	}
	if !newest {
		return
	}
	p.failed, p.LastError = o.At, o.Error
	if o.Needs > 0 {
		p.needy = run
	}
}

// recallRows counts what runs took and did not learn.
func (s *Sweeper) recallRows(ctx context.Context, m *Model, p *past) (err error) {
	if p.running != nil {
		if p.taken, err = s.takenBy(ctx, m, p.running, p.learnt); err != nil {
			return err
		}
	}
	if p.needy == nil {
		return nil
	}
	rows, err := s.takenBy(ctx, m, p.needy, p.learnt)
	for _, n := range rows {
		p.Needs += n
	}
	p.Needs += p.needy.outcome().Needs
	return err
}

// takenBy returns the rows that a run's batches have for m, less those that were learnt before.
func (s *Sweeper) takenBy(ctx context.Context, m *Model, run *Run, before []string) (map[string]int, error) {
	if run.Start == nil {
		return nil, nil //nolint:nilnil // it failed before it took anything
	}
	data := &run.Start.Dataset
	learnt := make(map[string]bool, len(before))
	for _, batch := range before {
		learnt[batch] = true
	}
	batches := slices.DeleteFunc(data.Batches(), func(batch string) bool { return learnt[batch] })
	taken := make(map[string]int, len(batches))
	if data.From == nil { // ours can be read together
		came := slices.DeleteFunc(slices.Clone(batches), func(batch string) bool { return absorption(data.Resource, batch) > 0 })
		rows, err := s.rowsEach(ctx, m, data, came)
		if err != nil {
			return nil, err
		}
		taken = rows
	}
	for _, batch := range batches {
		if _, known := taken[batch]; known {
			continue
		}
		n, err := s.rowsOf(ctx, m, data, batch, learnt)
		if data.From != nil && errors.Is(err, NotFoundError) {
			n, err = 0, nil // others have taken it away since: there is nothing to give back
		}
		if err != nil {
			return nil, err
		}
		taken[batch] = n
	}
	return taken, nil
}

// rowsOf returns the rows of a batch, or of an absorption without those of its batches that were learnt.
func (s *Sweeper) rowsOf(ctx context.Context, m *Model, d *Dataset, batch string, learnt map[string]bool) (sum int, err error) {
	n := absorption(d.Resource, batch)
	if n == 0 {
		return s.rows(ctx, m, *d, batch)
	}
	rows, err := s.brought(ctx, m, d.Resource, n)
	for b, n := range rows {
		if !learnt[b] {
			sum += n
		}
	}
	return sum, err
}
