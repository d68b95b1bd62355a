package mlcore

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"retrain/mlcore/graph"
	"retrain/mlcore/session"
)

// A program is a plan made ready to run: its graph in a session, compiled when it first runs.
type program struct {
	plan    *plan
	session *session.Session
	train   *session.Call // the loop's state to number, loss, weights, slots
	judge   *session.Call // x, y, rows, count, weights to loss, answers
	key     string
	users   int // fits that use it or wait for it
	turn    turn
}

// build makes the program of a plan.
func (p *plan) build(cfg *session.Config) (*program, error) {
	g := graph.New()
	trainIn, trainOut := p.embed(g, p.epoch())
	judgeIn, judgeOut := p.embed(g, p.judge())
	def, err := g.Bytes()
	if err != nil {
		return nil, fmt.Errorf("build the training program: %w", err)
	}
	s, err := session.Open(def, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the training program: %w", err)
	}
	pr := &program{plan: p, session: s}
	if pr.train, err = s.Call(trainIn, trainOut); err != nil {
		return nil, err
	}
	pr.judge, err = s.Call(judgeIn, judgeOut)
	return pr, err
}

// embed calls a function in g, with placeholders as its arguments, and returns the names of inputs and outputs.
func (p *plan) embed(g *graph.Graph, f *graph.Function) (inputs, outputs []string) {
	args := g.Placeholders(f)
	for _, v := range args {
		inputs = append(inputs, graph.Name(v))
	}
	for _, v := range g.Call(f, p.compile, args...) {
		outputs = append(outputs, graph.Name(v))
	}
	return inputs, outputs
}

// A turn is what one fit has and others wait for.
type turn struct {
	once  sync.Once
	taken chan struct{} // of one element
}

// take waits for the turn. Release gives it to the next.
func (t *turn) take(ctx context.Context) (release func(), err error) {
	t.once.Do(func() { t.taken = make(chan struct{}, 1) })
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Programs keeps those that were built, so that growing data train without building and compiling again.
type programs struct {
	mu   sync.Mutex // guards kept, and users of each
	kept []*program // the least recently used first
}

// A worker's models rarely need more; a program that was dropped is only built again.
const keepPrograms = 16

// take returns the program of a plan for one fit alone; others that want it wait. Release gives it back.
func (ps *programs) take(ctx context.Context, p *plan, cfg *session.Config) (pr *program, release func(), err error) {
	if pr, err = ps.use(p, cfg); err != nil {
		return nil, nil, err
	}
	done, err := pr.turn.take(ctx)
	if err != nil {
		ps.leave(pr)
		return nil, nil, err
	}
	return pr, func() { done(); ps.leave(pr) }, nil
}

func (ps *programs) use(p *plan, cfg *session.Config) (*program, error) {
	key := p.key() + cfg.String()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	i := slices.IndexFunc(ps.kept, func(pr *program) bool { return pr.key == key })
	var pr *program
	if i >= 0 {
		pr = ps.kept[i]
		ps.kept = slices.Delete(ps.kept, i, i+1)
	} else {
		var err error
		if pr, err = p.build(cfg); err != nil {
			return nil, err
		}
		pr.key = key
	}
	pr.users++
	ps.kept = append(ps.kept, pr)
	return pr, nil
}

func (ps *programs) leave(pr *program) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	pr.users--
	for i := 0; i < len(ps.kept) && len(ps.kept) > keepPrograms; i++ {
		if old := ps.kept[i]; old.users == 0 {
			ps.kept = slices.Delete(ps.kept, i, i+1)
			old.session.Close()
			i--
		}
	}
}

// close frees all programs. No fit may be running.
func (ps *programs) close() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, pr := range ps.kept {
		pr.session.Close()
	}
	ps.kept = nil
}
