package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"retrain"
	"retrain/s3io"
)

// A Finding is one thing that was looked at.
type Finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// The most that clocks may differ: S3 refuses signatures that are off by fifteen minutes.
const mostSkew = 30 * time.Second

// Check looks whether Redis and S3 answer, and are fit to be used. What is wrong with them is in the findings.
func (a *App) Check(ctx context.Context) []Finding {
	var findings []Finding
	redis, err := a.Redis.Check(ctx)
	findings = append(findings, finding("redis", a.Redis.Addr(), err))
	for _, f := range redis {
		findings = append(findings, Finding{Name: f.Name, OK: f.OK, Detail: f.Detail})
	}
	_, err = a.Specs.Specs(ctx)
	findings = append(findings, finding("s3", a.Config.S3.place(), err))
	if err == nil {
		findings = append(findings, finding("s3 conditional writes", "honoured", s3io.Check(ctx, a.Bucket)))
	}
	if skew, ok := a.Config.S3.skew(ctx); ok {
		f := Finding{Name: "s3 clock", OK: skew.Abs() < mostSkew, Detail: fmt.Sprintf("differs by %s", skew.Round(time.Second))}
		if !f.OK {
			f.Hint = "set this machine's clock: S3 refuses requests from another time"
		}
		findings = append(findings, f)
	}
	return findings
}

// finding tells what came of a question.
func finding(name, fine string, err error) Finding {
	if err == nil {
		return Finding{Name: name, OK: true, Detail: fine}
	}
	f := Finding{Name: name, Detail: err.Error()}
	if e, ok := errors.AsType[*retrain.Error](err); ok {
		f.Hint = e.Hint
	}
	return f
}

func (s S3) place() string {
	place := "bucket " + s.Bucket
	if s.Endpoint != "" {
		place += " at " + s.Endpoint
	}
	return place
}

// skew returns by how much the server's clock is behind ours, to the second, from the date of any answer of it. Without an
// endpoint of its own the question is not asked.
func (s S3) skew(ctx context.Context) (time.Duration, bool) {
	if s.Endpoint == "" {
		return 0, false
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, s.Endpoint, nil)
	if err != nil {
		return 0, false
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, false
	}
	_ = got.Body.Close() // HEAD has none
	theirs, err := http.ParseTime(got.Header.Get("Date"))
	return time.Since(theirs), err == nil
}
