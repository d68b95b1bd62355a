// Package httpapi is what the programs say over HTTP: predictions on one port, and on the other the inserting, the control,
// the status page and asynq's own pages.
package httpapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"retrain"
)

const (
	drain   = 5 * time.Second  // how long requests at work may take after the end was asked for
	headers = 10 * time.Second // how long a request's head may take to come
)

// Listen opens an address for what only its users may do. Where nobody has a key it must be one that only this machine reaches.
func Listen(addr string, keyed bool) (net.Listener, error) {
	if !keyed && !Local(addr) {
		return nil, retrain.Errorf(retrain.ModelConfigError, "without an API key nobody listens on %s, which other machines reach", addr).
			WithHint("set RETRAIN_API_KEY, or `producer keys create`, or listen on 127.0.0.1")
	}
	return ListenOpen(addr)
}

// Local reports whether only this machine reaches an address; also for what is none.
func Local(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err != nil || loopback(host)
}

// ListenOpen opens an address for what everybody may see.
func ListenOpen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, retrain.Errorf(retrain.ConflictError, "somebody listens on %s already", addr).WithHint("is this program running twice? otherwise choose another address")
	} else if err != nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "%w", err).WithHint("write an address like 127.0.0.1:8080")
	}
	return l, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A Server is a program's side of an address that others use.
type Server struct {
	Door        *Door
	Certificate *Certificate // nil: plain HTTP
}

// Serve answers on l behind the door, until ctx ends, as Serve does. Errors are the control server's.
func (s *Server) Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	return s.serve(ctx, l, s.Door.handler(h, problems(s.Door.Log)))
}

// ServePredictions does so for predictions, with the errors of their dialects. What is asked most often has a way of its own, where
// the door needs to know nothing but the key, and nobody watches.
func (s *Server) ServePredictions(ctx context.Context, l net.Listener, p *Predictions) error {
	h := p.Handler()
	if p.Watched != nil {
		h = p.Watched(h)
	}
	h = s.Door.handler(h, dialects(s.Door.Log))
	if p.Watched != nil || s.Certificate != nil || len(s.Door.Origins) > 0 || s.Door.Rate > 0 {
		return s.serve(ctx, l, h)
	}
	return p.express(l, s.Door).serve(ctx, h)
}

func (s *Server) serve(ctx context.Context, l net.Listener, h http.Handler) error {
	if s.Certificate == nil {
		return Serve(ctx, l, h)
	}
	config, err := s.Certificate.Config()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return serve(ctx, &http.Server{Handler: h, TLSConfig: config, ReadHeaderTimeout: headers}, func(s *http.Server) error { return s.ServeTLS(l, "", "") })
}

// Serve answers on l until ctx ends; requests at work are finished then. Handlers of endless streams must watch for the end
// themselves.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	return serve(ctx, &http.Server{Handler: h, ReadHeaderTimeout: headers}, func(s *http.Server) error { return s.Serve(l) })
}

func serve(ctx context.Context, s *http.Server, listen func(*http.Server) error) error {
	s.IdleTimeout, s.MaxHeaderBytes = 2*time.Minute, 64<<10
	ended := make(chan error, 1)
	go func() { ended <- listen(s) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	late, stop := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer stop()
	if err := s.Shutdown(late); errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	} else if err != nil {
		return err
	}
	return nil
}
