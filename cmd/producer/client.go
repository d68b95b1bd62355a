package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"retrain"
)

// A client asks a prediction worker by HTTP. RETRAIN_API_KEY, where it is set, lets it in.
type client struct{ URL string }

const (
	answerTime = 30 * time.Second
	mostAnswer = 256 << 20 // bytes
)

// Predict asks for predictions. Errors are those that the worker met, and UnavailableError where none answers at the address.
func (c *client) Predict(ctx context.Context, model string, which retrain.Which, records []retrain.Record) ([]retrain.Prediction, int, error) {
	body, err := json.Marshal(map[string]any{"instances": records})
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		Predictions []retrain.Prediction `json:"predictions"`
		Version     int                  `json:"version"`
	}
	err = c.post(ctx, modelPath(model, which)+":predict?details=true", body, &answer)
	return answer.Predictions, answer.Version, err
}

func modelPath(model string, which retrain.Which) string {
	path := "/v1/models/" + url.PathEscape(model)
	switch {
	case which.Version != 0:
		path += "/versions/" + strconv.Itoa(which.Version)
	case which.Label != "":
		path += "/labels/" + url.PathEscape(which.Label)
	}
	return path
}

// Forecast asks for the next steps values after the records of history, or after those that are stored where it is nil.
func (c *client) Forecast(ctx context.Context, model string, which retrain.Which, history []retrain.Record, steps int) ([]any, int, error) {
	body, err := json.Marshal(map[string]any{"history": history, "steps": steps})
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		Forecast []any `json:"forecast"`
		Version  int   `json:"version"`
	}
	err = c.post(ctx, modelPath(model, which)+":forecast", body, &answer)
	return answer.Forecast, answer.Version, err
}

func (c *client) post(ctx context.Context, path string, body []byte, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return usage("%v", err).hinted("an address is written http://127.0.0.1:8501")
	}
	r.Header.Set("Content-Type", "application/json")
	if key := os.Getenv("RETRAIN_API_KEY"); key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	got, err := http.DefaultClient.Do(r)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return retrain.Errorf(retrain.UnavailableError, "%w", err).
			WithHint("SSL_CERT_FILE names whom to trust, RETRAIN_PREDICT_URL the address that the certificate is for; predict --queue needs neither")
	} else if err != nil {
		return retrain.Errorf(retrain.UnavailableError, "%w", err).WithHint("is a prediction worker running there? worker predict, or standalone")
	}
	defer func() { _ = got.Body.Close() }() // it was read
	b, err := io.ReadAll(io.LimitReader(got.Body, mostAnswer))
	if err != nil {
		return retrain.Errorf(retrain.UnavailableError, "%s: %w", c.URL, err)
	}
	if got.StatusCode != http.StatusOK {
		return c.refused(got, b)
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return retrain.Errorf(retrain.PredictionError, "%s does not answer as a prediction worker does: %w", c.URL, err)
	}
	return nil
}

// refused returns the error that the worker sent.
func (c *client) refused(got *http.Response, body []byte) error {
	var problem struct {
		Error string       `json:"error"`
		Code  retrain.Code `json:"code"`
		Hint  string       `json:"hint"`
	}
	if json.Unmarshal(body, &problem) != nil || problem.Error == "" {
		problem.Error = fmt.Sprintf("%s answers %s", c.URL, got.Status)
	}
	return &retrain.Error{Code: cmp.Or(problem.Code, retrain.PredictionError), Message: problem.Error, Hint: problem.Hint}
}
