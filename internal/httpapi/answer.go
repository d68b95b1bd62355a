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
func answer(w http.ResponseWriter, status int, v any) { answerAs(w, status, "application/json", v) }

func answerAs(w http.ResponseWriter, status int, contentType string, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // a number that JSON cannot write; callers keep those out
		status = http.StatusInternalServerError
		b.Reset()
		_ = e.Encode(problem{Error: "the answer cannot be written as JSON: " + err.Error(), Code: retrain.PredictionError})
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // whoever has gone away hears nothing
}

// outcome returns the status that an error means, and what is said of it: what is not the caller's business is only logged. It
// reports whether anybody listens.
func outcome(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) (int, retrain.Error, bool) {
	code, said := status(err), retrain.Error{Code: retrain.CodeOf(err)}
	if e, ok := errors.AsType[*retrain.Error](err); ok {
		said.Message, said.Hint, said.Needs = e.Message, e.Hint, e.Needs
	}
	switch {
	case r.Context().Err() != nil:
		return 0, said, false // nobody listens
	case code == http.StatusInternalServerError:
		log.ErrorContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "err", err)
		said.Message, said.Hint = "internal error", "the log of the server says more"
	case code == http.StatusGatewayTimeout:
		said = retrain.Error{Code: retrain.UnavailableError, Message: "the request's time was over before it was computed"}
	case code == http.StatusServiceUnavailable:
		log.WarnContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if (code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable) && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
	return code, said, true
}

// refuse writes an error as the dialects of predictions have it.
func refuse(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	if code, e, ok := outcome(w, r, log, err); ok {
		answer(w, code, problem{Error: e.Message, Code: e.Code, Hint: e.Hint})
	}
}

// noSuchPath is the error of what no pattern takes.
func noSuchPath(r *http.Request) error {
	return refusal{retrain.Errorf(retrain.NotFoundError, "nothing is at %s %.200q", r.Method, r.URL.Path), http.StatusNotFound}
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
