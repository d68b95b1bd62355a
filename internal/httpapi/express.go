package httpapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// An express stands between a listener and net/http's server. It answers the commonest request itself, a POST to
// /v1/models/NAME:predict with records by name, which takes a fraction of the time: what a request needs is kept with its connection,
// and nothing is made of it that nobody looks at. At the first other request, or whatever in it is not quite usual, the connection
// and all that was read of it goes to net/http, for good: that answers the same questions in the same words.
type express struct {
	net.Listener
	predictions *Predictions
	door        *Door
	idle        time.Duration // how long a connection may be silent between two requests
	stalls      time.Duration // and within one, until net/http takes care of it
	others      chan accepted // for net/http
	stopping    atomic.Bool
	stopped     chan struct{}

	mu    sync.Mutex // guards the following field
	wires map[*wire]struct{}
	all   sync.WaitGroup // wires, and who accepts
}

type accepted struct {
	net.Conn
	err error
}

// express returns what stands between l and net/http. Without a door nobody needs a key.
func (p *Predictions) express(l net.Listener, d *Door) *express {
	return &express{Listener: l, predictions: p, door: d, idle: 2 * time.Minute, stalls: 5 * time.Second,
		others: make(chan accepted), stopped: make(chan struct{}), wires: make(map[*wire]struct{})}
}

// serve answers until ctx ends; requests at work are finished then. h is for net/http.
func (e *express) serve(ctx context.Context, h http.Handler) error {
	e.all.Go(e.accept)
	go e.watch()
	err := Serve(ctx, e, h)
	e.wait()
	return err
}

// Accept implements net.Listener.
func (e *express) Accept() (net.Conn, error) {
	select {
	case a := <-e.others:
		return a.Conn, a.err
	case <-e.stopped:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener: no more requests are read but those that have begun to come.
func (e *express) Close() error {
	if e.stopping.Swap(true) {
		return nil
	}
	err := e.Listener.Close()
	close(e.stopped)
	e.wake(func(*wire) bool { return true })
	return err
}

// wait waits until the requests at work are answered, as long as they may take.
func (e *express) wait() {
	late := time.AfterFunc(drain, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for l := range e.wires {
			_ = l.Close()
		}
	})
	defer late.Stop()
	e.all.Wait()
}

func (e *express) accept() {
	for {
		c, err := e.Listener.Accept()
		if _, plain := c.(*net.TCPConn); err == nil && plain {
			e.begin(&wire{Conn: c, express: e})
		} else if !e.pass(accepted{c, err}) { // an error, too: net/http knows which of them to wait for
			return
		}
	}
}

// pass hands a connection to net/http, and reports false where nobody takes it any more.
func (e *express) pass(a accepted) bool {
	select {
	case e.others <- a:
		return true
	case <-e.stopped:
		if a.Conn != nil {
			_ = a.Close()
		}
		return false
	}
}

// begin serves a wire.
func (e *express) begin(l *wire) {
	l.heard.Store(time.Now().UnixNano())
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wires[l] = struct{}{}
	e.all.Go(func() {
		other := l.serve()
		e.mu.Lock()
		delete(e.wires, l)
		e.mu.Unlock()
		if other == nil {
			_ = l.Close()
		} else {
			e.pass(accepted{other, nil})
		}
	})
}

// watch wakes those wires now and then that wait too long.
func (e *express) watch() {
	tick := time.NewTicker(e.stalls / 2)
	defer tick.Stop()
	for {
		select {
		case <-e.stopped:
			return
		case now := <-tick.C:
			e.wake(func(l *wire) bool { return now.Sub(time.Unix(0, l.heard.Load())) > e.stalls })
		}
	}
}

// wake ends the reading of some wires, which look then what is to be done.
func (e *express) wake(which func(*wire) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for l := range e.wires {
		if which(l) {
			_ = l.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

// A wire is a connection on which nothing but the commonest request has come so far.
type wire struct {
	net.Conn
	express *express
	heard   atomic.Int64 // when something came last, Unix ns

	in     []byte // what came and is not answered
	need   int    // bytes that a request has; 0 while that is not known
	out    []byte // an answer: room for its head, and its body
	model  string // that was asked for
	second int64  // of which date is
	date   []byte
}

// serve answers until the connection ends, or something else is asked: then it returns what net/http should go on with.
func (l *wire) serve() (other net.Conn) {
	const room = 4 << 10
	l.in, l.out = make([]byte, 0, room), make([]byte, headRoom, room)
	for {
		if len(l.in) > 0 && len(l.in) >= l.need {
			q, state := readHead(l.in, l.express.predictions.most())
			if state == complete && l.express.admits(q) && l.answer(q) {
				l.answered(q.size)
				continue
			} else if state != partial {
				return l.replayed()
			}
			l.need = q.size
		}
		if l.express.stopping.Load() && len(l.in) == 0 {
			return nil
		}
		if cap(l.in) < max(l.need, len(l.in)+1) {
			l.in = append(make([]byte, 0, max(l.need, 2*cap(l.in))), l.in...)
		}
		n, err := l.Read(l.in[len(l.in):cap(l.in)])
		l.in = l.in[:len(l.in)+n]
		if n > 0 {
			l.heard.Store(time.Now().UnixNano())
		} else if end, other := l.silent(err); end {
			return other
		}
	}
}

// silent says what to do where nothing came.
func (l *wire) silent(err error) (end bool, other net.Conn) {
	switch waited := time.Since(time.Unix(0, l.heard.Load())); {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return true, nil
	case len(l.in) > 0 && l.express.stopping.Load(): // Close ends it if it takes too long
	case len(l.in) > 0 && waited > l.express.stalls:
		return true, l.replayed()
	case l.express.stopping.Load(), waited > l.express.idle:
		return true, nil
	}
	return l.SetReadDeadline(time.Time{}) != nil, nil
}

// answered makes ready for the next request, which may have come already.
func (l *wire) answered(size int) {
	const keep = 64 << 10
	l.need = 0
	l.in = l.in[:copy(l.in, l.in[size:])]
	if cap(l.in) > keep {
		l.in = append(make([]byte, 0, len(l.in)+keep), l.in...)
	}
	if cap(l.out) > keep {
		l.out = make([]byte, headRoom, keep)
	}
}

// replayed returns the connection as if nothing had been read of it.
func (l *wire) replayed() net.Conn {
	if err := l.SetReadDeadline(time.Time{}); err != nil {
		return nil
	}
	return &replayed{l.Conn, l.in}
}

type replayed struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (r *replayed) Read(b []byte) (int, error) {
	if len(r.first) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.first)
	r.first = r.first[n:]
	return n, nil
}

// answer answers a request, and reports false where it is not for us.
func (l *wire) answer(q question) bool {
	p := l.express.predictions
	p.Metrics.atWork.Inc()
	defer p.Metrics.atWork.Dec()
	began := time.Now()
	if l.model != string(q.model) {
		l.model = string(q.model)
	}
	v, err := p.Models.Use(context.Background(), l.model, champion)
	if err != nil {
		return false
	}
	defer v.Done()
	fast, ok := v.(answerer)
	if !ok {
		return false
	}
	answer, rows, ok, err := fast.AnswerJSON(context.Background(), q.body, p.mostRows(), l.out[:headRoom])
	if !ok {
		return false
	}
	p.Metrics.predicted(l.model, v.Version(), rows, status(err), time.Since(began))
	if err != nil {
		return l.refuse(err, v.Version())
	}
	l.out = answer
	return l.send(began, http.StatusOK, v.Version(), nil)
}

// refuse answers with an error.
func (l *wire) refuse(err error, version int) bool {
	w := &unsent{header: make(http.Header)}
	refuse(w, &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/v1/models/" + l.model + ":predict"}}, l.express.predictions.Log, err)
	l.out = append(l.out[:headRoom], w.body...)
	return l.send(time.Now(), w.status, version, w.header)
}

// An unsent is an answer that is not sent yet.
type unsent struct {
	header http.Header
	status int
	body   []byte
}

func (u *unsent) Header() http.Header    { return u.header }
func (u *unsent) WriteHeader(status int) { u.status = status }

func (u *unsent) Write(b []byte) (int, error) {
	u.body = append(u.body, b...)
	return len(b), nil
}
