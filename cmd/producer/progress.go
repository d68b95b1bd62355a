package main

import (
	"fmt"
	"time"

	"retrain"
)

// A show is how a run's progress looks: a bar on a terminal, else a line at every tenth of the way.
type show struct {
	*call
	id     retrain.RunID
	bar    *bar
	said   retrain.RunState
	tenth  int
	warned bool
	noted  bool
}

func newShow(c *call, id retrain.RunID) *show { return &show{call: c, id: id, tenth: -1} }

func (s *show) progress(p retrain.Progress) {
	s.state(p.State, 0)
	if s.bar == nil {
		s.bar = s.call.bar(p.TotalEpochs, "")
	}
	loss := ""
	if v, ok := p.TrainMetrics["loss"]; ok {
		loss = fmt.Sprintf(", loss %.4g", v)
	}
	if v, ok := p.EvalMetrics["loss"]; ok {
		loss += fmt.Sprintf(", validation %.4g", v)
	}
	s.bar.set(p.CurrentEpoch, fmt.Sprintf("epoch %d/%d%s", p.CurrentEpoch, p.TotalEpochs, loss))
	if tenth := p.CurrentEpoch * 10 / max(p.TotalEpochs, 1); tenth > s.tenth && !s.animated() {
		s.tenth = tenth
		s.sayf("epoch %d/%d%s", p.CurrentEpoch, p.TotalEpochs, loss)
	}
}

// state says in which state the run is, once, and that no worker comes where it takes long.
func (s *show) state(now retrain.RunState, waited time.Duration) {
	if now != s.said && s.said != retrain.Running { // it does not go back
		s.said = now
		s.sayf("run %s %s", s.id, now)
	}
	if now == retrain.Queued && waited > patience && !s.warned {
		s.warned = true
		s.sayf("no worker has taken it yet: is one running? (worker train, or standalone)")
	}
}

// lost says that the progress cannot be seen.
func (s *show) lost() {
	if !s.noted {
		s.noted = true
		s.sayf("Redis does not answer: waiting for the verdict without seeing the progress")
	}
}

func (s *show) end() {
	if s.bar != nil {
		s.bar.end()
	}
}
