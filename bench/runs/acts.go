package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/hibiken/asynq"

	"retrain"
)

// deaths kills the worker that is at a run, again and again.
func (s *stage) deaths(ctx context.Context, times int) ([]*series, error) {
	noticed, resumed := &series{What: "kill -9 to noticed"}, &series{What: "kill -9 to resumed elsewhere"}
	err := s.interrupt(ctx, times, syscall.SIGKILL, func(began time.Time, id retrain.RunID, attempt int) error {
		free := false
		if err := until(ctx, func() error { return s.handedOn(ctx, id, attempt, &free) }); err != nil {
			return err
		}
		noticed.Took = append(noticed.Took, time.Since(began))
		return nil
	}, resumed)
	return []*series{noticed, resumed}, err
}

// terms tells the worker that is at a run to end, again and again.
func (s *stage) terms(ctx context.Context, times int) ([]*series, error) {
	exit, resumed := &series{What: "SIGTERM to exit"}, &series{What: "SIGTERM to resumed elsewhere"}
	err := s.interrupt(ctx, times, syscall.SIGTERM, nil, resumed)
	exit.Took = append(exit.Took, s.exits...)
	return []*series{exit, resumed}, err
}

// handedOn returns nil when a sweep has handed the run on, or when another worker has its lease already: asynq may give it an old
// task of the run.
func (s *stage) handedOn(ctx context.Context, id retrain.RunID, attempt int, free *bool) error {
	state, err := s.app.State(ctx, id.Model)
	if err != nil || state.Attempt != attempt {
		return err
	}
	held, err := s.app.Leases.Held(ctx, id)
	if *free = *free || !held; *free && held {
		return err
	}
	return errors.Join(err, errors.New("nobody has noticed"))
}

// interrupt has a run interrupted by a signal to its worker, and measures until another is at it. then is called after the signal.
func (s *stage) interrupt(ctx context.Context, times int, sig syscall.Signal, then func(began time.Time, id retrain.RunID, attempt int) error, resumed *series) error {
	id, err := s.app.Train(ctx, "price", true)
	if err != nil {
		return err
	}
	for range times {
		at, err := s.busy(ctx, id)
		if err != nil {
			return err
		}
		state, err := s.app.State(ctx, id.Model)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := s.workers[at].Process.Signal(sig); err != nil {
			return err
		}
		ended := make(chan time.Duration, 1)
		go func() {
			_ = s.workers[at].Wait()
			ended <- time.Since(began)
		}()
		if then != nil {
			if err := then(began, id, state.Attempt); err != nil {
				return err
			}
		}
		exit := <-ended
		if sig == syscall.SIGTERM {
			s.exits = append(s.exits, exit)
		}
		if err := until(ctx, func() error { return s.moves(ctx, id, exit, began) }); err != nil {
			return err
		}
		resumed.Took = append(resumed.Took, time.Since(began))
		if s.workers[at], err = s.start("worker", "train"); err != nil {
			return err
		}
	}
	_, err = s.app.Cancel(ctx, id.String())
	return err
}

// moves returns nil when somebody trains a run: its progress is another than a moment before, after whoever was at it has gone.
func (s *stage) moves(ctx context.Context, id retrain.RunID, exit time.Duration, began time.Time) error {
	if time.Since(began) < exit {
		return errors.New("its worker is still there")
	}
	before, _, err := s.app.Ledger.Progress(ctx, id.Model)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Millisecond):
	}
	now, _, err := s.app.Ledger.Progress(ctx, id.Model)
	if err == nil && (now.Run != id.String() || now.ProgressPercentage == before.ProgressPercentage) {
		err = fmt.Errorf("%s stands at %v", now.Run, now.ProgressPercentage)
	}
	return err
}

// The cancels end a run at work, again and again.
func (s *stage) cancels(ctx context.Context, times int) ([]*series, error) {
	terminal, free := &series{What: "cancel to terminal"}, &series{What: "cancel to the worker's being free"}
	for range times {
		id, err := s.app.Train(ctx, "price", true)
		if err != nil {
			return nil, err
		}
		if _, err := s.busy(ctx, id); err != nil {
			return nil, err
		}
		began := time.Now()
		if _, err := s.app.Cancel(ctx, id.String()); err != nil {
			return nil, err
		}
		terminal.Took = append(terminal.Took, time.Since(began))
		if err := until(ctx, func() error { return s.idle(id) }); err != nil {
			return nil, err
		}
		free.Took = append(free.Took, time.Since(began))
	}
	return []*series{terminal, free}, nil
}

// idle returns nil when a run's first task is at no worker any more.
func (s *stage) idle(id retrain.RunID) error {
	info, err := asynq.NewInspectorFromRedisClient(s.app.Redis.Redis).GetTaskInfo("train-default", id.String()+".0")
	if err == nil && info.State == asynq.TaskStateActive {
		err = fmt.Errorf("%s is at a worker", id)
	} else if errors.Is(err, asynq.ErrTaskNotFound) {
		err = nil
	}
	return err
}
