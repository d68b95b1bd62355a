package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"retrain"
	"retrain/api"
	"retrain/s3io"
)

// A Finding is one thing that was looked at.
type Finding = api.Finding

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
	if sound(findings) { // otherwise nothing more can be asked
		findings = append(findings, a.ledgerFinding(ctx), a.queueFinding(ctx), a.trainingFinding(ctx), a.workerFinding(ctx), a.fieldsFinding(ctx))
	}
	return findings
}

// sound reports whether Redis and S3 answer.
func sound(findings []Finding) bool {
	for _, f := range findings {
		if (f.Name == "redis" || f.Name == "s3") && !f.OK {
			return false
		}
	}
	return true
}

// ledgerFinding tells where Redis and S3 differ.
func (a *App) ledgerFinding(ctx context.Context) Finding {
	const name = "ledger"
	all, err := a.Sweeper.Inspect(ctx)
	if err != nil {
		return finding(name, "", err)
	}
	var problems, rebuilt []string
	for _, one := range all {
		for _, p := range one.Problems {
			problems = append(problems, one.Model+": "+p)
		}
		if s := one.State; !s.Rebuilt.IsZero() && s.Latest > 0 {
			rebuilt = append(rebuilt, one.Model+" "+s.Rebuilt.Local().Format(time.DateTime))
		}
	}
	if len(problems) > 0 {
		return Finding{Name: name, Detail: strings.Join(problems, "; "), Hint: "a scheduler mends this within half a minute: is one running?"}
	}
	f := Finding{Name: name, OK: true, Detail: fmt.Sprintf("%d models, as S3 has them", len(all))}
	if len(rebuilt) > 0 {
		f.Detail += "; rebuilt from S3: " + strings.Join(rebuilt, ", ")
	}
	return f
}

// queueFinding tells which tasks nobody will serve.
func (a *App) queueFinding(ctx context.Context) Finding {
	const name = "queues"
	depths, err := a.Redis.Depths(ctx)
	if err != nil {
		return finding(name, "", err)
	}
	var problems []string
	waiting := 0
	for _, d := range depths {
		waiting += d.Pending + d.Scheduled + d.Retry
		if d.Archived > 0 {
			problems = append(problems, fmt.Sprintf("%s: %d tasks were given up", d.Queue, d.Archived))
		}
		if d.Orphans > 0 {
			problems = append(problems, fmt.Sprintf("%s: %d tasks are lost at workers that are gone", d.Queue, d.Orphans))
		}
	}
	if len(problems) > 0 {
		return Finding{Name: name, Detail: strings.Join(problems, "; "), Hint: "no run is lost by it; look at them, and delete them, at /monitor of producer serve"}
	}
	return Finding{Name: name, OK: true, Detail: fmt.Sprintf("%d tasks wait", waiting)}
}

// How many failures in a row are no accident.
const repeated = 3

// trainingFinding tells which models fail again and again.
func (a *App) trainingFinding(ctx context.Context) Finding {
	const name = "trainings"
	models, err := a.Status(ctx, "")
	if err != nil {
		return finding(name, "", err)
	}
	var problems []string
	for _, m := range models {
		if m.Failures >= repeated {
			problems = append(problems, fmt.Sprintf("the last %d runs of %s failed: %s", m.Failures, m.Model, m.LastError))
		}
		if m.Run != nil && m.Run.Why != "" {
			problems = append(problems, m.Run.Run+" "+m.Run.Why)
		}
	}
	if len(problems) > 0 {
		return Finding{Name: name, Detail: strings.Join(problems, "; "), Hint: "producer status; producer runs MODEL"}
	}
	return Finding{Name: name, OK: true, Detail: "none fails again and again, none waits for what does not come"}
}

// workerFinding tells who trains.
func (a *App) workerFinding(ctx context.Context) Finding {
	const name = "workers"
	servers, err := a.Redis.Servers(ctx)
	if err != nil {
		return finding(name, "", err)
	}
	trains, busy := 0, 0
	for _, s := range servers {
		if slices.ContainsFunc(s.Queues, func(q string) bool { return strings.HasPrefix(q, "train-") }) {
			trains++
			busy += s.Busy
		}
	}
	return Finding{Name: name, OK: true, Detail: fmt.Sprintf("%d train, %d of them are at it", trains, busy)}
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
