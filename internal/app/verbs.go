package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"retrain"
	"retrain/mlcore/prep"
	"retrain/s3io"
)

// State returns what is known of a model, rebuilt from S3 where Redis has lost it.
func (a *App) State(ctx context.Context, model string) (retrain.State, error) {
	s, err := a.Ledger.State(ctx, model)
	if errors.Is(err, retrain.NotFoundError) {
		if err = a.Sweeper.SweepOnly(ctx, model); err == nil {
			s, err = a.Ledger.State(ctx, model)
		}
	}
	return s, err
}

// Apply stores what a configuration declares, and returns which of it was new or different, as "models/price", and which
// was not. A bucket that cannot be used, because its server ignores conditions, is refused before anything is in it. Everybody is
// told; a model that is due already is requested.
func (a *App) Apply(ctx context.Context, c *Config) (applied, unchanged []string, err error) {
	before, err := a.Specs.Specs(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := c.CheckModels(before.Resources); err != nil {
		return nil, nil, err
	}
	if len(before.Models)+len(before.Resources) == 0 { // the first that is said to this bucket
		if err := s3io.Check(ctx, a.Bucket); err != nil {
			return nil, nil, err
		}
	}
	if applied, unchanged, err = a.Specs.Apply(ctx, c.Specs()); err != nil {
		return applied, unchanged, err
	}
	a.Catalog.Forget()
	if len(applied) > 0 {
		a.hint(ctx, retrain.Event{Type: retrain.SpecsApplied})
	}
	var models []string
	for _, name := range applied {
		if model, is := strings.CutPrefix(name, "models/"); is {
			models = append(models, model)
		}
	}
	if err := a.Sweeper.SweepOnly(ctx, models...); err != nil { // what is declared stands in S3; the scheduler sweeps again
		a.Log.WarnContext(ctx, "applied; the next sweep looks whether a training is due", "err", err)
	}
	return applied, unchanged, nil
}

// hint announces what is in S3 already. Who misses it looks for himself.
func (a *App) hint(ctx context.Context, e retrain.Event) {
	e.At = time.Now().UTC()
	if err := a.Stream.Announce(ctx, e); err != nil {
		a.Log.WarnContext(ctx, "done, but nobody was told; they look every half minute", "err", err)
	}
}

// Train requests a run by hand and returns it: the one that waits already, where one does.
func (a *App) Train(ctx context.Context, model string, resetWeights bool) (retrain.RunID, error) {
	m, err := a.Catalog.Model(ctx, model)
	if err != nil {
		return retrain.RunID{}, err
	}
	s, err := a.State(ctx, model)
	if err != nil {
		return retrain.RunID{}, err
	}
	id, err := a.Requester.Request(ctx, m, s, retrain.ByHand, resetWeights)
	if errors.Is(err, retrain.ConflictError) {
		if s, err = a.caughtUp(ctx, m, s.Latest); err != nil {
			return id, err
		}
		id, err = a.Requester.Request(ctx, m, s, retrain.ByHand, resetWeights)
	}
	if err != nil || id.Number != s.Queued {
		return id, err
	}
	// It was not asked for just now: an import is no training.
	run, err := a.Runs.Run(ctx, id)
	if err == nil && run.Import != nil {
		err = retrain.Errorf(retrain.ConflictError, "run %s, an import, waits already", id).WithHint("train again when it has ended: producer status %s", model)
	}
	return id, err
}

// caughtUp returns a model's state after it was compared with S3.
func (a *App) caughtUp(ctx context.Context, m *retrain.Model, latest int) (retrain.State, error) {
	if _, err := a.Sweeper.CatchUp(ctx, m, latest); err != nil {
		return retrain.State{}, err
	}
	return a.State(ctx, m.Name)
}

// Promote makes a version the champion and returns the pointer. It returns a NotFoundError for a version that does not exist.
func (a *App) Promote(ctx context.Context, model string, version int) (retrain.Champion, error) {
	if _, err := a.Catalog.Model(ctx, model); err != nil {
		return retrain.Champion{}, err
	}
	if _, err := a.Manifest(ctx, model, version); err != nil {
		return retrain.Champion{}, err
	}
	return a.move(ctx, model, version, byPromotion)
}

// Pin keeps a version from being removed, however old it gets, or lets it go. It returns the versions that are pinned.
func (a *App) Pin(ctx context.Context, model string, version int, pinned bool) ([]int, error) {
	if _, err := a.Catalog.Model(ctx, model); err != nil {
		return nil, err
	}
	if _, err := a.Manifest(ctx, model, version); err != nil {
		return nil, err
	}
	retired := false
	p, err := a.Registry.ChangePins(ctx, model, func(p retrain.Pins) (retrain.Pins, bool) {
		is := slices.Contains(p.Pinned, version)
		if retired = slices.Contains(p.Retired, version); retired || is == pinned {
			return p, false
		}
		if pinned {
			p.Pinned = append(p.Pinned, version)
			slices.Sort(p.Pinned)
		} else {
			p.Pinned = slices.DeleteFunc(p.Pinned, func(n int) bool { return n == version })
		}
		return p, true
	})
	if err == nil && retired {
		err = retrain.Errorf(retrain.NotFoundError, "version %d of model %q is being removed", version, model)
	}
	return p.Pinned, err
}

// Manifest returns a version's manifest, or a NotFoundError that says where to look.
func (a *App) Manifest(ctx context.Context, model string, version int) (retrain.Manifest, error) {
	mf, err := a.Registry.Manifest(ctx, model, version)
	if errors.Is(err, retrain.NotFoundError) {
		err = retrain.Errorf(retrain.NotFoundError, "model %q has no version %d", model, version).WithHint("producer versions %s", model)
	}
	return mf, err
}

// Version returns a version's manifest; version 0 is the champion.
func (a *App) Version(ctx context.Context, model string, version int) (retrain.Manifest, error) {
	if _, err := a.Catalog.Model(ctx, model); err != nil {
		return retrain.Manifest{}, err
	}
	if version == 0 {
		c, err := a.Registry.Champion(ctx, model)
		if err != nil {
			return retrain.Manifest{}, err
		}
		version = c.Version
	}
	return a.Manifest(ctx, model, version)
}

// Why a pointer was moved, as the history keeps it: never change a value.
const (
	byPromotion = "promoted by hand"
	byRollback  = "rolled back"
)

// Rollback takes back so many of the moves that made the champion what it is, and returns the pointer. A rollback of a
// rollback goes further back: it does not undo it.
func (a *App) Rollback(ctx context.Context, model string, steps int) (retrain.Champion, error) {
	if _, err := a.Catalog.Model(ctx, model); err != nil {
		return retrain.Champion{}, err
	}
	if _, err := a.Registry.Champion(ctx, model); err != nil {
		return retrain.Champion{}, err
	}
	history, err := a.Registry.History(ctx, model)
	if err != nil {
		return retrain.Champion{}, err
	}
	served := undone(history)
	if steps < 1 || steps >= len(served) {
		return retrain.Champion{}, retrain.Errorf(retrain.NotFoundError, "model %q cannot go back by %d: %d versions served before this one",
			model, steps, len(served)-1).WithHint("producer versions %s; producer promote %s VERSION", model, model)
	}
	c, err := a.move(ctx, model, served[len(served)-1-steps], byRollback)
	if errors.Is(err, retrain.NotFoundError) {
		err = retrain.Errorf(retrain.NotFoundError, "version %d of model %q served then, and was removed since", served[len(served)-1-steps], model).
			WithHint("producer versions %s shows those there are; producer pin keeps one", model)
	}
	return c, err
}

// undone returns the versions that served, oldest first, less those that a rollback took back.
func undone(history []retrain.Champion) []int {
	var served []int
	for _, c := range history {
		if c.Version == 0 { // the model was disposed of: nothing from before can serve again
			served = nil
			continue
		}
		if c.Why == byRollback {
			i := max(len(served)-2, 0)
			for i > 0 && served[i] != c.Version {
				i--
			}
			served = served[:i]
		}
		served = append(served, c.Version)
	}
	return served
}

func (a *App) move(ctx context.Context, model string, version int, why string) (retrain.Champion, error) {
	c, err := a.Registry.MoveChampion(ctx, model, func(c retrain.Champion) (retrain.Champion, bool) {
		c, moves := c.Moved(version, time.Now(), why)
		if moves {
			c.By = a.By
		}
		return c, moves
	})
	if err != nil {
		return c, err
	}
	a.hint(ctx, retrain.Event{Type: retrain.ChampionMoved, Model: model, Version: c.Version})
	return c, nil
}

// Latest returns the stored records that a forecast of a time series begins with.
func (a *App) Latest(ctx context.Context, model string) ([]retrain.Record, error) {
	m, err := a.Catalog.Model(ctx, model)
	if err != nil {
		return nil, err
	}
	if m.Type != retrain.TimeSeries {
		return nil, retrain.Errorf(retrain.DataValidationError, "model %q is a %s: only a time series has a forecast", model, m.Type)
	}
	r, err := a.Catalog.Resource(ctx, m.Resource)
	if err != nil {
		return nil, err
	}
	data, err := a.Source.Snapshot(ctx, r, m.Partition)
	if err != nil {
		return nil, err
	}
	return prep.Latest(*m, a.Source.Tables(ctx, data))
}

// Which returns the number of the version that is meant. It returns a NotFoundError for one that does not exist.
func (a *App) Which(ctx context.Context, model string, which retrain.Which) (int, error) {
	m, err := a.Catalog.Model(ctx, model)
	if err != nil {
		return 0, err
	}
	version, labelled := which.Version, m.Labels[which.Label]
	switch {
	case version != 0:
	case labelled != 0:
		version = labelled
	default:
		c, err := a.Registry.Champion(ctx, model)
		if err != nil {
			return 0, err
		}
		switch which.Label {
		case "", retrain.LabelChampion:
			version = c.Version
		case retrain.LabelPrevious:
			version = c.Previous
		}
	}
	if version == 0 {
		return 0, retrain.Errorf(retrain.NotFoundError, "model %q has no version labelled %q", model, which.Label).
			WithHint("champion, previous, or what the model's labels declare")
	}
	_, err = a.Manifest(ctx, model, version)
	return version, err
}
