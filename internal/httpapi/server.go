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

// How long requests at work may take after the end was asked for.
const drain = 5 * time.Second

// Listen opens an address for what only its users may do. Without a key it must be one that only this machine reaches.
func Listen(addr, key string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err == nil && key == "" && !loopback(host) {
		return nil, retrain.Errorf(retrain.ModelConfigError, "without an API key nobody listens on %s, which other machines reach", addr).
			WithHint("set RETRAIN_API_KEY, or listen on 127.0.0.1")
	}
	return ListenOpen(addr)
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

// Serve answers on l until ctx ends; requests at work are finished then. Handlers of endless streams must watch for the end
// themselves.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
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
