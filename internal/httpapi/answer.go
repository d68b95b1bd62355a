package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"

	"retrain"
)

// A problem is the body of every answer that is not a success. TensorFlow Serving's clients read "error" alone.
type problem struct {
	Error string       `json:"error"`
	Code  retrain.Code `json:"code"`
	Hint  string       `json:"hint,omitempty"`
}

// statuses are the errors that callers can do something about. Any other is ours, and a 500.
var statuses = map[retrain.Code]int{
	retrain.ModelNotFoundError:        http.StatusNotFound,
	retrain.NotFoundError:             http.StatusNotFound,
	retrain.ModelNotTrainedError:      http.StatusConflict, // not 503, by which balancers would take a healthy worker for a broken one
	retrain.ConflictError:             http.StatusConflict,
	retrain.InsufficientDataError:     http.StatusConflict,
	retrain.DataValidationError:       http.StatusBadRequest,
	retrain.ModelConfigError:          http.StatusBadRequest,
	retrain.UnavailableError:          http.StatusServiceUnavailable,
	retrain.OverloadedError:           http.StatusTooManyRequests,
	retrain.TensorFlowDependencyError: http.StatusServiceUnavailable,
}

// status returns the HTTP status that err means.
func status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if r, ok := errors.AsType[refusal](err); ok {
		return r.status
	}
	if s, ok := statuses[retrain.CodeOf(err)]; ok {
		return s
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// answer writes a value as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // a number that JSON cannot write; callers keep those out
		status = http.StatusInternalServerError
		b.Reset()
		_ = e.Encode(problem{Error: "the answer cannot be written as JSON: " + err.Error(), Code: retrain.PredictionError})
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // whoever has gone away hears nothing
}

// refuse writes an error. What is not the caller's business is only logged.
func refuse(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	code, p := status(err), problem{Code: retrain.CodeOf(err)}
	if e, ok := errors.AsType[*retrain.Error](err); ok {
		p.Error, p.Hint = e.Message, e.Hint
	}
	switch {
	case r.Context().Err() != nil:
		return // nobody listens
	case code == http.StatusInternalServerError:
		log.ErrorContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "err", err)
		p.Error, p.Hint = "internal error", "the log of the server says more"
	case code == http.StatusGatewayTimeout:
		p = problem{Error: "the request's time was over before it was computed", Code: retrain.UnavailableError}
	case code == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	case code == http.StatusServiceUnavailable:
		log.WarnContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "err", err)
		w.Header().Set("Retry-After", "1")
	}
	answer(w, code, p)
}

// noSuchPath answers what no other pattern takes.
func noSuchPath(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusNotFound, problem{Error: "nothing is at " + r.Method + " " + r.URL.Path, Code: retrain.NotFoundError})
}

// finite reports whether JSON can write v, which is a number, a text or a list of numbers.
func finite(v any) bool {
	switch v := v.(type) {
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case float32:
		return finite(float64(v))
	case []float64:
		for _, f := range v {
			if !finite(f) {
				return false
			}
		}
	case []any:
		for _, f := range v {
			if !finite(f) {
				return false
			}
		}
	}
	return true
}
