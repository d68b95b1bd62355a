package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"retrain"
	"retrain/api"
	"retrain/internal/dialect"
)

// What one request for predictions may have, where it goes through Redis.
const (
	mostAsked     = 8 << 20 // bytes
	mostQuestions = 10_000  // records
)

// predict answers records by name through the queue, as prediction workers do by themselves.
func (c *Control) predict(w http.ResponseWriter, r *http.Request) (any, error) {
	which, err := whichOf(r)
	if err != nil {
		return nil, err
	}
	wanted, err := detailsOf(r)
	if err != nil {
		return nil, err
	}
	b, err := body(w, r, mostAsked)
	if err != nil {
		return nil, err
	}
	var q api.Question
	if err := json.Unmarshal(b, &q); err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "the request cannot be read: %w", err).WithHint(`send {"instances":[{"cost":100}]}`)
	}
	switch n := len(q.Instances); {
	case n == 0:
		return nil, retrain.Errorf(retrain.DataValidationError, "no records").WithHint(`send {"instances":[{"cost":100}]}`)
	case n > mostQuestions:
		return nil, tooLarge("the request has %d records, it may have %d", n, mostQuestions)
	}
	model := r.PathValue("model")
	if _, err := c.App.Which(r.Context(), model, which); err != nil {
		return nil, err // before a worker is waited for
	}
	predictions, version, err := c.App.Predictor.Predict(r.Context(), model, which, q.Instances)
	if err != nil {
		return nil, err
	}
	if err := allFinite(predictions); err != nil {
		return nil, err
	}
	w.Header().Set("X-Model-Version", strconv.Itoa(version))
	answer := api.Predictions{Version: version, Predictions: make([]any, len(predictions))}
	if wanted == nil {
		answer.Predictions = anys(dialect.Values(predictions))
		return answer, nil
	}
	for i, p := range wanted.of(predictions) {
		answer.Predictions[i] = p
	}
	return answer, nil
}

func anys[T any](list []T) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}
