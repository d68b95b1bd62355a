package httpapi

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"time"
)

// Finite is finite, for the tests.
var Finite = finite

// RecordsOf is recordsOf, for the tests.
var RecordsOf = recordsOf

// ChangesIn is changesIn, for the tests.
func ChangesIn(message []byte) (n int, err error) {
	all, err := changesIn(message)
	return len(all), err
}

// An Express is an express, for the tests.
type Express = express

// NewExpress returns one with its patience.
func NewExpress(p *Predictions, l net.Listener, idle, stalls time.Duration) *Express {
	e := p.express(l, nil)
	e.idle, e.stalls = idle, stalls
	return e
}

// Serve is serve, with the handler of the predictions.
func (e *Express) Serve(ctx context.Context) error { return e.serve(ctx, e.predictions.Handler()) }

// Heard returns how many connections it has on which something came since then.
func (e *Express) Heard(since time.Time) (wires int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for l := range e.wires {
		if l.heard.Load() >= since.UnixNano() {
			wires++
		}
	}
	return wires
}

// PartitionOf is partitionOf, for the tests.
var PartitionOf = partitionOf

// Unpacked is body, for the tests: what stands in a packed request.
func Unpacked(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	return body(w, r, most)
}

// Reached returns the structs that the description has, those with names.
func Reached() []reflect.Type {
	s := schemas31{named: object{}}
	for _, o := range new(Control).Operations() {
		s.operation(&o)
	}
	s.withProblem()
	return s.reached
}
