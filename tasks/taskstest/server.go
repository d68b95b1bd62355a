// Package taskstest is what package tasks promises, without Redis: a server in memory with a ledger, leases, a queue and a
// stream, for simulations that play thousands of stories; and the contract that both keep, as tests.
package taskstest

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"retrain"
)

// A Server is what Redis is to package tasks. The zero Server is empty and ready to use, by any number of goroutines.
type Server struct {
	mu     sync.Mutex // guards the following
	books  map[string]*book
	leases map[retrain.RunID]lease
	tasks  map[string]*Task
	events []retrain.Event
	told   chan struct{} // closed at the next event
}

// A Do is a connection to the server: it performs a call, or fails it before or after. nil performs.
type Do func(what string, call func() error) error

func (d Do) call(what string, call func() error) error {
	if d == nil {
		return call()
	}
	return d(what, call)
}

// Flush forgets everything.
func (s *Server) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books, s.leases, s.tasks, s.events = nil, nil, nil, nil
}

// Save returns a copy of all that lasts: leases do not.
func (s *Server) Save() *Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := &Server{books: make(map[string]*book), tasks: make(map[string]*Task), events: slices.Clone(s.events)}
	for name, b := range s.books {
		was.books[name] = b.clone()
	}
	for id, t := range s.tasks {
		was.tasks[id] = new(*t)
	}
	return was
}

// Restore replaces everything by what Save returned.
func (s *Server) Restore(was *Server) {
	again := was.Save()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books, s.leases, s.tasks, s.events = again.books, nil, again.tasks, again.events
}

// A book is the ledger of one model.
type book struct {
	state          retrain.State  // but for Inserted
	pending, taken map[string]int // rows by batch; unknown in taken
	learnt, folded map[string]bool
	taker, settled int
	hasBefore      bool
	before         time.Time
}

const unknown = -1

func (b *book) clone() *book {
	c := *b
	c.pending, c.taken, c.learnt, c.folded = maps.Clone(b.pending), maps.Clone(b.taken), maps.Clone(b.learnt), maps.Clone(b.folded)
	return &c
}

func (b *book) now() retrain.State {
	s := b.state
	for _, rows := range b.pending {
		s.Inserted += rows
	}
	return s
}

// known reports whether a run may still change anything.
func (b *book) known(run int) bool {
	return run > b.settled || run == b.taker || run == b.state.Running || run == b.state.Queued
}

// open returns the run at work, or else the one that waits; 0 for none.
func (b *book) open() int { return cmp.Or(b.state.Running, b.state.Queued) }
