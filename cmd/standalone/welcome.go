package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

// welcome says where everything is as soon as it answers.
func (s *system) welcome(ctx context.Context) error {
	for _, l := range []net.Listener{s.control, s.predict} {
		for !ready(ctx, s.url(l)+"/readyz") {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	_, err := fmt.Fprintf(s.Stdout, `Retrain is ready.
  status       %[1]s/
  queues       %[1]s/monitor/
  predictions  %[2]s/v1/models
  connection   %[3]s

Try:  producer --config %[3]s status
`, s.url(s.control), s.url(s.predict), s.client())
	return err
}

// It asks whether anybody answers, and trusts the certificate of whoever does: that is this process.
var self = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // as said

func ready(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	answer, err := self.Do(r)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}
