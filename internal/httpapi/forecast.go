package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"retrain"
)

// How far ahead one request may look.
const mostSteps = 10_000

// A forecastRequest asks for the next values of a series: after the records of history, or after those that are stored.
type forecastRequest struct {
	Steps   int              `json:"steps"`
	History []retrain.Record `json:"history"`
}

// forecast answers {"forecast":[…],"version":3} unless it returns an error; ?details=true gives predictions instead of values.
func (p *Predictions) forecast(w http.ResponseWriter, r *http.Request, model string) (version, rows int, err error) {
	b, err := body(w, r, p.most())
	if err != nil {
		return 0, 0, err
	}
	var request forecastRequest
	if err := json.Unmarshal(b, &request); err != nil {
		return 0, 0, retrain.Errorf(retrain.DataValidationError, "the request cannot be read: %w", err).WithHint(`send {"steps":7}`)
	}
	if request.Steps < 1 || request.Steps > mostSteps {
		return 0, 0, retrain.Errorf(retrain.DataValidationError, "steps is %d: 1 to %d are possible", request.Steps, mostSteps).WithHint(`send {"steps":7}`)
	}
	if request.History == nil {
		if request.History, err = p.Latest(r.Context(), model); err != nil {
			return 0, 0, err
		}
	}
	predictions, version, err := p.Live.Forecast(r.Context(), model, request.History, request.Steps)
	if err == nil {
		err = allFinite(predictions)
	}
	if err != nil {
		return version, request.Steps, err
	}
	w.Header().Set("X-Model-Version", strconv.Itoa(version))
	var forecast any = predictions
	if details, _ := strconv.ParseBool(r.URL.Query().Get("details")); !details {
		forecast = values(predictions)
	}
	answer(w, http.StatusOK, map[string]any{"forecast": forecast, "version": version})
	return version, request.Steps, nil
}
