package main

import (
	"context"
	"fmt"
	"time"
)

// An answer is what the demo reads of `producer predict --json`.
type answer struct {
	Version    int     `json:"version"`
	Prediction float64 `json:"prediction"`
}

// watchTraining shows a training as it goes on, until the question is answered by a later version than the one before it.
func (s *stage) watchTraining(ctx context.Context, before int) error {
	asked := time.Now()
	if before > 0 {
		if err := s.question(ctx, "asked before"); err != nil {
			return err
		}
	}
	last := ""
	for {
		m, err := s.model(ctx)
		if err != nil {
			return err
		}
		if now := m.line(); now != last {
			fmt.Println("  " + now)
			last = now
		}
		if m.Version > before && m.State != "running" && m.State != "queued" {
			break
		}
		if time.Since(asked) > 2*time.Minute {
			return fmt.Errorf("no version after %d within two minutes; see %s/standalone.log", before, folder)
		}
	}
	if err := s.reloaded(ctx, before, asked); err != nil {
		return err
	}
	return s.question(ctx, "asked after ")
}

func (m status) line() string {
	line := "state " + m.State
	if m.Run != nil && m.State == "running" {
		line += fmt.Sprintf(", epoch %d of %d", m.Run.CurrentEpoch, m.Run.TotalEpochs)
		if loss, ok := m.Run.TrainMetrics["loss"]; ok {
			line += fmt.Sprintf(", loss %.5f", loss)
		}
	}
	if m.Version > 0 {
		line += fmt.Sprintf(", champion: version %d", m.Version)
	}
	return line
}

// reloaded waits until the prediction worker has followed the event.
func (s *stage) reloaded(ctx context.Context, before int, asked time.Time) error {
	for time.Since(asked) < 2*time.Minute {
		var a answer
		if err := s.ask(ctx, &a, "predict", "mpg", "--features", question); err == nil && a.Version > before {
			fmt.Printf("  the prediction worker answers with version %d, %.2f s after the insert\n", a.Version, time.Since(asked).Seconds())
			return nil
		}
	}
	return fmt.Errorf("no prediction by a version after %d; see %s/standalone.log", before, folder)
}

func (s *stage) question(ctx context.Context, when string) error {
	var a answer
	if err := s.ask(ctx, &a, "predict", "mpg", "--features", question); err != nil {
		return err
	}
	fmt.Printf("  %s: version %d says %.2f miles per gallon\n", when, a.Version, a.Prediction)
	return nil
}
