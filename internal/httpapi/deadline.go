package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"retrain"
)

// The header by which a caller says how long he waits: 250ms, or a number of milliseconds. What cannot be begun in that time is not
// computed, and answered 504.
const timeoutHeader = "X-Request-Timeout"

// hurried returns a request that ends when its caller waits no longer.
func hurried(r *http.Request) (*http.Request, context.CancelFunc, error) {
	given := r.Header.Get(timeoutHeader)
	if given == "" {
		return r, func() {}, nil
	}
	var d retrain.Duration
	text := given
	if !json.Valid([]byte(text)) {
		text = `"` + given + `"`
	}
	if err := d.UnmarshalJSON([]byte(text)); err != nil || d <= 0 {
		return r, func() {}, retrain.Errorf(retrain.DataValidationError, "%s: %.40q is not a time to wait", timeoutHeader, given).WithHint("send 250ms, or a number of milliseconds")
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(d))
	return r.WithContext(ctx), cancel, nil
}
