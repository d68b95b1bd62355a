package httpapi

import (
	"encoding/json"
	"net/http"

	"retrain"
	"retrain/internal/dialect"
)

// How far ahead one request may look.
const mostSteps = 10_000

// A forecastRequest asks for the next values of a series: after the records of history, or after those that are stored.
type forecastRequest struct {
	Steps   int              `json:"steps"`
	History []retrain.Record `json:"history"`
}

// forecast answers {"forecast":[…],"version":3}; ?details=true gives predictions instead of values.
func (p *Predictions) forecast(w http.ResponseWriter, r *http.Request, a *ask) error {
	details, err := detailsOf(r)
	if err != nil {
		return err
	}
	var request forecastRequest
	if err := json.Unmarshal(a.body, &request); err != nil {
		return retrain.Errorf(retrain.DataValidationError, "the request cannot be read: %w", err).WithHint(`send {"steps":7}`)
	}
	if request.Steps < 1 || request.Steps > mostSteps {
		return retrain.Errorf(retrain.DataValidationError, "steps is %d: 1 to %d are possible", request.Steps, mostSteps).WithHint(`send {"steps":7}`)
	}
	a.rows = request.Steps
	if s, err := p.schema(a); err != nil {
		return err
	} else if s.Lookback == 0 {
		return retrain.Errorf(retrain.DataValidationError, "model %q is no time series: only a time series has a forecast", a.model)
	}
	if request.History == nil {
		if request.History, err = p.Latest(r.Context(), a.model); err != nil {
			return err
		}
	}
	predictions, err := a.version.Forecast(r.Context(), request.History, request.Steps)
	if err == nil {
		err = allFinite(predictions)
	}
	if err != nil {
		return err
	}
	var forecast any = dialect.Values(predictions)
	if details != nil {
		forecast = details.of(predictions)
	}
	return write(w, map[string]any{"forecast": forecast, "version": a.version.Version()})
}
