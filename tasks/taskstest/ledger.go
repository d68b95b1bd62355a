package taskstest

import (
	"context"
	"slices"
	"time"

	"retrain"
)

// A Ledger does what tasks.Ledger does.
type Ledger struct {
	Server *Server
	Do     Do
	Now    func() time.Time
}

var (
	_ retrain.Counter     = (*Ledger)(nil)
	_ retrain.Requested   = (*Ledger)(nil)
	_ retrain.RunLedger   = (*Ledger)(nil)
	_ retrain.SweepLedger = (*Ledger)(nil)
)

// on calls do with the book of a model, or returns a NotFoundError.
func (l *Ledger) on(ctx context.Context, what, model string, do func(b *book) error) (s retrain.State, err error) {
	err = l.Do.call(what+" "+model, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.Server.mu.Lock()
		defer l.Server.mu.Unlock()
		b := l.Server.books[model]
		if b == nil {
			return retrain.Errorf(retrain.NotFoundError, "no state of model %q", model)
		}
		err := do(b)
		s = b.now()
		s.At = l.Now().UTC()
		return err
	})
	if err != nil {
		s = retrain.State{}
	}
	return s, err
}

// Count adds rows of a batch to a model's state, once.
func (l *Ledger) Count(ctx context.Context, model, batch string, rows int) (retrain.State, error) {
	return l.on(ctx, "count "+batch, model, func(b *book) error {
		b.count(batch, rows)
		return nil
	})
}

// CountAll counts batches by their rows, as Count does each.
func (l *Ledger) CountAll(ctx context.Context, model string, rows map[string]int) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := l.on(ctx, "count all", model, func(b *book) error {
		for batch, n := range rows {
			b.count(batch, n)
		}
		return nil
	})
	return err
}

func (b *book) count(batch string, rows int) {
	_, pending := b.pending[batch]
	was, taken := b.taken[batch]
	switch {
	case pending, b.learnt[batch], b.folded[batch]:
	case taken && was == unknown:
		b.taken[batch] = rows
	case !taken:
		b.pending[batch] = rows
	}
}

// State returns what is known of a model.
func (l *Ledger) State(ctx context.Context, model string) (retrain.State, error) {
	return l.on(ctx, "state", model, func(*book) error { return nil })
}

// Requested sets the model's queued run, if it is the next after those that are known and no other one waits.
func (l *Ledger) Requested(ctx context.Context, id retrain.RunID) (retrain.State, error) {
	return l.on(ctx, "requested "+id.String(), id.Model, func(b *book) error {
		s := &b.state
		if id.Number != s.Latest+1 || s.Queued != 0 {
			return nil
		}
		s.Queued, s.Latest = id.Number, id.Number
		if s.Running == 0 {
			s.Attempt, s.Handed = 0, l.Now().UTC()
		}
		return nil
	})
}

// Take marks a run as at work and takes the rows of its batches out of the count.
func (l *Ledger) Take(ctx context.Context, id retrain.RunID, batches []string) error {
	_, err := l.on(ctx, "take "+id.String(), id.Model, func(b *book) error {
		s := &b.state
		if id.Number > s.Latest+1 {
			return l.older(id)
		}
		if !b.known(id.Number) {
			return nil
		}
		if b.taker != 0 && b.taker != id.Number {
			return retrain.Errorf(retrain.ConflictError, "run %d is at work", b.taker)
		}
		if err := b.take(id.Number, batches); err != nil {
			return err
		}
		if s.Running == id.Number {
			return nil
		}
		b.before, b.hasBefore = s.Since, true
		s.Running, s.Since, s.Handed, s.Latest, s.SetAside = id.Number, l.Now().UTC(), l.Now().UTC(), max(s.Latest, id.Number), 0
		if s.Queued == id.Number {
			s.Queued = 0
		} else {
			s.Attempt = 0
		}
		return nil
	})
	return err
}

// older drops a state that does not know of a run, or of what that has taken: it comes from an older copy.
func (l *Ledger) older(id retrain.RunID) error {
	delete(l.Server.books, id.Model)
	return retrain.Errorf(retrain.NotFoundError, "the state of model %q is older than run %d", id.Model, id.Number)
}

func (b *book) take(run int, batches []string) error {
	for _, batch := range batches {
		_, pending := b.pending[batch]
		if _, taken := b.taken[batch]; batch[0] == 0 && !taken && !pending && !b.learnt[batch] {
			return retrain.Errorf(retrain.ConflictError, "an absorption is not counted yet")
		}
	}
	b.taker = run
	for _, batch := range batches {
		if _, taken := b.taken[batch]; taken || b.learnt[batch] || b.folded[batch] {
			continue
		}
		b.taken[batch] = unknown
		if rows, ok := b.pending[batch]; ok {
			b.taken[batch] = rows
			delete(b.pending, batch)
		}
	}
	return nil
}

// Fold puts the batches of an absorption together.
func (l *Ledger) Fold(ctx context.Context, model, absorption string, batches []string) (missing []string, err error) {
	_, err = l.on(ctx, "fold", model, func(b *book) error {
		missing = b.fold(absorption, batches)
		return nil
	})
	return missing, err
}

func (b *book) fold(absorption string, batches []string) (missing []string) {
	_, isPending := b.pending[absorption]
	_, isTaken := b.taken[absorption]
	if isPending || isTaken || b.learnt[absorption] {
		return nil
	}
	pending, taken, pendingRows, takenRows := 0, 0, 0, 0
	for _, batch := range batches {
		t, isTaken := b.taken[batch]
		if p, ok := b.pending[batch]; ok {
			pending, pendingRows = pending+1, pendingRows+p
		} else if isTaken && t != unknown {
			taken, takenRows = taken+1, takenRows+t
		} else if isTaken || !b.learnt[batch] {
			missing = append(missing, batch)
		}
	}
	if len(missing) > 0 || pending > 0 && taken > 0 {
		return missing
	}
	switch {
	case taken > 0:
		b.taken[absorption] = takenRows
	case pending > 0:
		b.pending[absorption] = pendingRows
	default:
		b.learnt[absorption] = true
	}
	for _, batch := range batches {
		delete(b.pending, batch)
		delete(b.taken, batch)
		delete(b.learnt, batch)
	}
	b.note(batches)
	return nil
}

// note remembers that batches are folded.
func (b *book) note(batches []string) {
	if b.folded == nil {
		b.folded = make(map[string]bool)
	}
	for _, batch := range batches {
		b.folded[batch] = true
	}
}

// Settle ends a run: what it took is learnt, or is given back.
func (l *Ledger) Settle(ctx context.Context, id retrain.RunID, o retrain.Outcome) (retrain.State, error) {
	return l.on(ctx, "settle "+id.String(), id.Model, func(b *book) error {
		if !b.known(id.Number) {
			return nil
		}
		if id.Number > b.state.Latest || o.Learnt && b.taker != id.Number {
			return l.older(id)
		}
		if b.taker == id.Number {
			b.giveBack(o.Learnt)
		}
		b.end(id.Number, o.Learnt, l.Now().UTC())
		s := &b.state
		if o.Learnt {
			s.Failures, s.NotBefore = 0, time.Time{}
		} else if o.Failed {
			s.Failures++
			s.NotBefore = l.Now().Add(retrain.Backoff(s.Failures)).UTC()
		}
		if o.Cancelled {
			s.SetAside, s.Since, b.before = b.now().Inserted, l.Now().UTC(), l.Now().UTC()
		}
		s.LastError, s.Needs = o.Error, 0
		if o.Needs > 0 {
			s.Needs = b.now().Inserted + o.Needs
		}
		return nil
	})
}

func (b *book) giveBack(learnt bool) {
	for batch, rows := range b.taken {
		_, pending := b.pending[batch]
		switch {
		case learnt:
			b.learnt[batch] = true
		case rows != unknown && !pending:
			b.pending[batch] = rows
		}
	}
	b.taker, b.taken = 0, make(map[string]int)
}

func (b *book) end(run int, learnt bool, now time.Time) {
	s := &b.state
	if b.open() == run {
		s.Attempt, s.Handed = 0, now
	}
	if s.Running == run {
		if !learnt && b.hasBefore {
			s.Since = b.before
		}
		s.Running, b.hasBefore = 0, false
	}
	if s.Queued == run {
		s.Queued = 0
	}
	b.settled, s.Latest = max(b.settled, run), max(s.Latest, run)
}

// SetProgress tells whether the run has ended; nobody looks at more.
func (l *Ledger) SetProgress(ctx context.Context, model string, p retrain.Progress) error {
	id, err := retrain.ParseRunID(p.Run)
	if err != nil {
		return err
	}
	_, err = l.on(ctx, "progress", model, func(b *book) error {
		if !b.known(id.Number) {
			return retrain.Errorf(retrain.ConflictError, "run %s has ended", id)
		}
		return nil
	})
	if retrain.CodeOf(err) == retrain.NotFoundError {
		return nil
	}
	return err
}

// Uncovered returns how many rows of a model no run has learnt.
func (l *Ledger) Uncovered(ctx context.Context, model string) (rows int, err error) {
	_, err = l.on(ctx, "uncovered", model, func(b *book) error {
		rows = b.now().Inserted
		for _, n := range b.taken {
			rows += max(n, 0)
		}
		return nil
	})
	return rows, err
}

// Forget drops the state of a model, if the highest run number that it knows is still that one.
func (l *Ledger) Forget(ctx context.Context, model string, latest int) error {
	_, err := l.on(ctx, "forget", model, func(b *book) error {
		if b.state.Latest == latest {
			delete(l.Server.books, model)
		}
		return nil
	})
	if retrain.CodeOf(err) == retrain.NotFoundError {
		return nil
	}
	return err
}

// Reset stores a rebuilt state, unless one exists.
func (l *Ledger) Reset(ctx context.Context, model string, s retrain.State, learnt []string, taken map[string]int, folded []string) error {
	return l.Do.call("reset "+model, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.Server.mu.Lock()
		defer l.Server.mu.Unlock()
		if l.Server.books[model] != nil {
			return nil
		}
		b := &book{state: s, pending: make(map[string]int), taken: make(map[string]int), learnt: make(map[string]bool), taker: s.Running, settled: s.Latest}
		for _, open := range []int{s.Queued, s.Running} {
			if open != 0 {
				b.settled = min(b.settled, open-1)
			}
		}
		for _, batch := range learnt {
			b.learnt[batch] = true
		}
		for batch, rows := range taken {
			if !b.learnt[batch] {
				b.taken[batch] = rows
			}
		}
		b.note(folded)
		b.state.Handed, b.state.Rebuilt = l.Now().UTC(), l.Now().UTC()
		if l.Server.books == nil {
			l.Server.books = make(map[string]*book)
		}
		l.Server.books[model] = b
		return nil
	})
}

// Uncounted returns those of the batches that were never counted.
func (l *Ledger) Uncounted(ctx context.Context, model string, batches []string) (missing []string, err error) {
	_, err = l.on(ctx, "uncounted", model, func(b *book) error {
		for _, batch := range batches {
			_, pending := b.pending[batch]
			if rows, taken := b.taken[batch]; !pending && !b.learnt[batch] && (!taken || rows == unknown) {
				missing = append(missing, batch)
			}
		}
		return nil
	})
	return missing, err
}

// Retain takes out of the count what was counted of all batches but these.
func (l *Ledger) Retain(ctx context.Context, model string, batches []string) error {
	_, err := l.on(ctx, "retain", model, func(b *book) error {
		for batch := range b.pending {
			if !slices.Contains(batches, batch) {
				delete(b.pending, batch)
			}
		}
		b.state.SetAside = min(b.state.SetAside, b.now().Inserted)
		return nil
	})
	if retrain.CodeOf(err) == retrain.NotFoundError { // there is nothing to forget
		return nil
	}
	return err
}

// HandOn raises the attempt of the model's open run from what it was.
func (l *Ledger) HandOn(ctx context.Context, id retrain.RunID, attempt int) (retrain.State, error) {
	return l.on(ctx, "hand on "+id.String(), id.Model, func(b *book) error {
		if b.open() != id.Number || b.state.Attempt != attempt {
			return retrain.Errorf(retrain.ConflictError, "run %d is at attempt %d", b.open(), b.state.Attempt)
		}
		b.state.Attempt, b.state.Handed = attempt+1, l.Now().UTC()
		return nil
	})
}
