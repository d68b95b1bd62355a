package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// welcome says where everything is as soon as it answers.
func (s *system) welcome(ctx context.Context) error {
	for _, l := range []interface{ String() string }{s.control.Addr(), s.predict.Addr()} {
		for !ready(ctx, "http://"+l.String()+"/readyz") {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	_, err := fmt.Fprintf(s.Stdout, `Retrain is ready.
  status       http://%[1]s/
  queues       http://%[1]s/monitor/
  predictions  http://%[2]s/v1/models
  connection   %[3]s

Try:  producer --config %[3]s status
`, s.control.Addr(), s.predict.Addr(), s.client())
	return err
}

func ready(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}
