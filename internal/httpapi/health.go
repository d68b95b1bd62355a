package httpapi

import (
	"context"
	"log/slog"
	"net/http"
)

// Health is the server of a process that has nothing else to say.
type Health struct {
	Ready   func(ctx context.Context) error
	Metrics *Metrics
	Log     *slog.Logger
}

// Handler returns the server's paths.
func (h Health) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.Handle("GET /metrics", h.Metrics)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := h.Ready(r.Context()); err != nil {
			refuse(w, r, h.Log, err)
			return
		}
		answer(w, http.StatusOK, map[string]bool{"ready": true})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { refuse(w, r, h.Log, noSuchPath(r)) })
	return mux
}
