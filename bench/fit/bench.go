package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
)

//go:embed peers.py
var peers string

// A Result is what somebody took for a case.
type Result struct {
	Name    string  `json:"name"`
	Epochs  int     `json:"epochs"`
	First   float64 `json:"first"`             // seconds of the first training in a process, compiling included
	Again   float64 `json:"again"`             // seconds of the same training once more, the best of some
	CPU     float64 `json:"cpu"`               // seconds that its threads computed, the least of some; other work disturbs it less
	Loss    float64 `json:"loss"`              // mean squared error of the last epoch
	Memory  float64 `json:"memory"`            // MiB, resident at most
	Missing string  `json:"missing,omitempty"` // why it could not be measured

	who string
}

// Those who train.
const (
	retrains = "retrain"
	jax      = "jax"
	sklearn  = "sklearn"
	keras    = "keras"
)

// A bench measures cases.
type bench struct {
	python string
	rounds int
}

// A turn is a training by somebody.
type turn struct {
	who    string
	epochs int
}

// turns returns who trains in a case.
func (c *Case) turns() []turn {
	all := []turn{{retrains, c.Epochs}}
	if c.Long > 0 {
		all = append(all, turn{retrains, c.Long})
	}
	all = append(all, turn{jax, c.Epochs})
	if c.Lookback == 0 {
		all = append(all, turn{sklearn, c.Slow})
	}
	return append(all, turn{keras, c.Slow})
}

// measure lets everyone train in each round, and returns the best of each.
func (b *bench) measure(ctx context.Context, c Case) ([]Result, error) {
	turns := c.turns()
	best := make([]Result, len(turns))
	for round := range b.rounds {
		for i, t := range turns {
			log.Printf("%s, round %d of %d: %s, %d epochs …", c.Name, round+1, b.rounds, t.who, t.epochs)
			c.Epochs = t.epochs
			r, err := b.train(ctx, &c, t.who)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.who, err)
			}
			if round > 0 {
				r.First, r.Again, r.CPU = min(r.First, best[i].First), min(r.Again, best[i].Again), min(r.CPU, best[i].CPU)
				r.Memory = max(r.Memory, best[i].Memory)
			}
			best[i] = r
		}
	}
	var results []Result
	for _, r := range best {
		if r.Missing == "" {
			results = append(results, r)
			continue
		}
		log.Print("left out: ", r.Missing)
	}
	return results, nil
}

// train starts a process that trains.
func (b *bench) train(ctx context.Context, c *Case, who string) (Result, error) {
	r := Result{Epochs: c.Epochs, who: who}
	description, err := json.Marshal(c)
	if err != nil {
		return r, err
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, self, "-child", string(description))
	if who != retrains {
		var data bytes.Buffer
		if err := binary.Write(&data, binary.LittleEndian, c.draw()); err != nil {
			return r, err
		}
		cmd = exec.CommandContext(ctx, b.python, "-c", peers, who, string(description))
		cmd.Stdin = &data
	}
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, talk.String())
	}
	err = json.Unmarshal(out, &r)
	r.Epochs = c.Epochs
	return r, err
}
