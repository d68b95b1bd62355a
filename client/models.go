package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"retrain"
	"retrain/api"
)

// Models tells how all models stand.
func (c *Client) Models(ctx context.Context) ([]retrain.ModelStatus, error) {
	var all api.Models
	err := c.get(ctx, "/v1/models", &all)
	return all.Models, err
}

// Status tells how a model stands.
func (c *Client) Status(ctx context.Context, model string) (s retrain.ModelStatus, err error) {
	return s, c.get(ctx, path("models", model), &s)
}

// Stats tells how good a model is, and how its trainings went.
func (c *Client) Stats(ctx context.Context, model string) (s api.Stat, err error) {
	return s, c.get(ctx, path("models", model, "stats"), &s)
}

// AllStats tells it of all models.
func (c *Client) AllStats(ctx context.Context) ([]api.Stat, error) {
	var all api.Stats
	err := c.get(ctx, "/v1/stats", &all)
	return all.Models, err
}

// Train requests a run, or finds the one that waits already. With resetWeights false it goes on from the champion's weights.
func (c *Client) Train(ctx context.Context, model string, resetWeights bool) (r api.Requested, err error) {
	return r, c.post(ctx, path("models", model, "train"), api.Training{ResetWeights: &resetWeights}, &r)
}

// How often Wait looks.
const waitLook = 500 * time.Millisecond

// Wait waits for a run's verdict. A run that failed is its error, beside the run.
func (c *Client) Wait(ctx context.Context, run string) (api.ListedRun, error) {
	for ticks := time.NewTicker(waitLook); ; {
		r, err := c.Run(ctx, run)
		if err != nil || r.Ended() {
			ticks.Stop()
			if err == nil && r.Error != nil {
				return r, r.Error
			}
			return r, err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			ticks.Stop()
			return r, context.Cause(ctx)
		}
	}
}

// Run tells how a run stands, like price-7.
func (c *Client) Run(ctx context.Context, run string) (r api.ListedRun, err error) {
	return r, c.get(ctx, path("runs", run), &r)
}

// Runs lists a model's runs, newest first, at most so many; 0 for all.
func (c *Client) Runs(ctx context.Context, model string, limit int) ([]api.ListedRun, error) {
	var all api.Runs
	err := c.get(ctx, path("models", model, "runs")+"?limit="+strconv.Itoa(limit), &all)
	return all.Runs, err
}

// Cancel ends a run, like price-7.
func (c *Client) Cancel(ctx context.Context, run string) ([]api.Cancellation, error) {
	var all api.Cancelled
	err := c.post(ctx, path("runs", run, "cancel"), nil, &all)
	return all.Cancelled, err
}

// CancelModel ends all runs of a model.
func (c *Client) CancelModel(ctx context.Context, model string) ([]api.Cancellation, error) {
	var all api.Cancelled
	err := c.post(ctx, path("models", model, "cancel"), nil, &all)
	return all.Cancelled, err
}

// Pause keeps a model from being trained by its triggers, until Resume.
func (c *Client) Pause(ctx context.Context, model string) (s retrain.ModelStatus, err error) {
	return s, c.post(ctx, path("models", model, "pause"), nil, &s)
}

// Resume lets a model's triggers work again.
func (c *Client) Resume(ctx context.Context, model string) (s retrain.ModelStatus, err error) {
	return s, c.post(ctx, path("models", model, "resume"), nil, &s)
}

// Dispose removes a model with its versions and runs; its records and its history stay.
func (c *Client) Dispose(ctx context.Context, model string) (d api.Disposal, err error) {
	return d, c.do(ctx, &call{method: http.MethodDelete, url: c.at(path("models", model)), into: &d})
}

// Versions lists a model's versions, newest first.
func (c *Client) Versions(ctx context.Context, model string) ([]api.ListedVersion, error) {
	var all api.Versions
	err := c.get(ctx, path("models", model, "versions"), &all)
	return all.Versions, err
}

// Version tells everything about a version.
func (c *Client) Version(ctx context.Context, model string, version int) (v api.Version, err error) {
	return v, c.get(ctx, path("models", model, "versions", strconv.Itoa(version)), &v)
}

// Promote makes a version the champion.
func (c *Client) Promote(ctx context.Context, model string, version int) (m api.Moved, err error) {
	return m, c.post(ctx, path("models", model, "promote"), api.ChosenVersion{Version: version}, &m)
}

// Rollback goes so many steps back to what was champion before.
func (c *Client) Rollback(ctx context.Context, model string, steps int) (m api.Moved, err error) {
	return m, c.post(ctx, path("models", model, "rollback"), api.Steps{Steps: steps}, &m)
}

// Pin keeps a version from being removed, or lets it go.
func (c *Client) Pin(ctx context.Context, model string, version int, pinned bool) (p api.Pinned, err error) {
	verb := "unpin"
	if pinned {
		verb = "pin"
	}
	return p, c.post(ctx, path("models", model, verb), api.ChosenVersion{Version: version}, &p)
}

// History tells what served when, newest first, or what served at a time that is not zero.
func (c *Client) History(ctx context.Context, model string, at time.Time) ([]api.Move, error) {
	var all api.History
	q := url.Values{}
	if !at.IsZero() {
		q.Set("at", at.Format(time.RFC3339))
	}
	err := c.get(ctx, path("models", model, "history")+"?"+q.Encode(), &all)
	return all.History, err
}

// Predict asks for predictions, in the order of the records, and returns the version that answered.
func (c *Client) Predict(ctx context.Context, model string, which retrain.Which, records ...retrain.Record) ([]retrain.Prediction, int, error) {
	var answer struct {
		Predictions []retrain.Prediction `json:"predictions"`
		Version     int                  `json:"version"`
	}
	q := url.Values{"details": {"true"}}
	if which.Version != 0 {
		q.Set("version", strconv.Itoa(which.Version))
	}
	if which.Label != "" {
		q.Set("label", which.Label)
	}
	at := c.at(path("models", model))
	if c.PredictURL != "" {
		at = strings.TrimSuffix(c.PredictURL, "/") + path("models", model)
	}
	err := c.do(ctx, &call{method: http.MethodPost, url: at + ":predict?" + q.Encode(), body: api.Question{Instances: records}, again: true, into: &answer})
	return answer.Predictions, answer.Version, err
}

// Forecast asks the prediction worker at PredictURL for the next steps values of a time series, after the records of history, or after
// those that are stored where it is nil.
func (c *Client) Forecast(ctx context.Context, model string, steps int, history []retrain.Record) (f api.Forecast, err error) {
	if c.PredictURL == "" {
		return f, retrain.Errorf(retrain.ModelConfigError, "a forecast needs PredictURL").WithHint("the address of a prediction worker, like http://127.0.0.1:8501")
	}
	at := strings.TrimSuffix(c.PredictURL, "/") + path("models", model) + ":forecast"
	return f, c.do(ctx, &call{method: http.MethodPost, url: at, body: api.Forecasting{Steps: steps, History: history}, again: true, into: &f})
}

// TrainingData returns what a version was trained on; version 0 is the champion.
func (c *Client) TrainingData(ctx context.Context, model string, version int) (t api.TrainedOn, err error) {
	return t, c.get(ctx, path("models", model, "training-data")+chosen(version), &t)
}

// Export writes a version as one JSON file; version 0 is the champion.
func (c *Client) Export(ctx context.Context, model string, version int, to io.Writer) error {
	return c.do(ctx, &call{method: http.MethodGet, url: c.at(path("models", model, "export") + chosen(version)), into: to})
}

func chosen(version int) string {
	if version == 0 {
		return ""
	}
	return "?version=" + strconv.Itoa(version)
}

// Import makes a version of a file that was exported, here or by MLPlugin. With declare the model is declared as the file says, if it
// is not.
func (c *Client) Import(ctx context.Context, model string, file []byte, declare bool) (r api.Requested, err error) {
	return r, c.post(ctx, path("models", model, "import")+"?declare="+strconv.FormatBool(declare), file, &r)
}

// CreateKey makes an API key; its secret is in the answer and nowhere else.
func (c *Client) CreateKey(ctx context.Context, wish *api.NewKey) (k api.CreatedKey, err error) {
	return k, c.post(ctx, "/v1/keys", wish, &k)
}

// Keys lists the API keys.
func (c *Client) Keys(ctx context.Context) ([]api.Key, error) {
	var all api.Keys
	err := c.get(ctx, "/v1/keys", &all)
	return all.Keys, err
}

// RevokeKey takes an API key out of service.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.do(ctx, &call{method: http.MethodDelete, url: c.at(path("keys", id))})
}

// Doctor looks whether everything is fit.
func (c *Client) Doctor(ctx context.Context) (d api.Checkup, err error) {
	return d, c.get(ctx, "/v1/doctor", &d)
}
